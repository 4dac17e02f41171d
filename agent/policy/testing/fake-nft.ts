/** nft with one table in memory: takes the JSON commands of a transaction, and lists the table. */
import { CommandError } from '../../../common/errors.js';
import type { CommandRunner } from '../../../common/host/command.js';

type Fields = Record<string, unknown> & { name: string };
type Command = Record<'add' | 'delete', Record<string, Fields> | undefined>;

export class FakeNft implements CommandRunner {
  /** Transactions so far. */
  readonly transactions: Command[][] = [];
  /** While set, every transaction fails with it. */
  failure: string | null = null;
  /** While set, the table cannot be listed. */
  listFailure: string | null = null;
  /** While set, a transaction fails that does not write the table anew. */
  differenceFailure: string | null = null;
  /** Transactions wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** Transactions that run at once, at most so far. */
  mostAtOnce = 0;
  /** After each transaction. */
  onWritten: () => void = () => undefined;
  /** Of each counter, as its listing says. */
  packets = 0;
  /** Whether log statements are possible. */
  canLog = true;
  #running = 0;
  /** By kind and name. */
  readonly #objects = new Map<string, { kind: string; fields: Fields & { elem?: unknown[] } }>();

  run(_: string, args: readonly string[], input = ''): Promise<string> {
    if (args.includes('list')) return this.#list(args);
    if (args.includes('--check')) return this.#check();
    return this.#write(JSON.parse(input) as { nftables: Command[] });
  }

  async #write({ nftables }: { nftables: Command[] }): Promise<string> {
    this.#running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running);
    await this.gate;
    this.#running--;
    const failure = this.failure ?? (nftables.some(isRewrite) ? null : this.differenceFailure);
    if (failure !== null) throw new CommandError('nft -j -f -', 1, failure);
    this.transactions.push(nftables);
    for (const { add, delete: gone } of nftables) {
      for (const [kind, fields] of Object.entries(add ?? {})) this.#add(kind, fields);
      for (const [kind, fields] of Object.entries(gone ?? {})) this.#delete(kind, fields);
    }
    this.onWritten();
    return '';
  }

  get isEmpty(): boolean {
    return this.#objects.size === 0;
  }

  /** As somebody else does by hand. */
  removeElements(name: string): void {
    this.#set(name).elem = [];
  }

  removeRules(chain: string): void {
    for (const key of this.#objects.keys()) if (key.startsWith(`rule ${chain} `)) this.#objects.delete(key);
  }

  /** Elements of a set or map. */
  elements(name: string): unknown[] {
    return this.#objects.has(`map ${name}`) || this.#objects.has(`set ${name}`) ? (this.#set(name).elem ?? []) : [];
  }

  #check(): Promise<string> {
    const refused = new CommandError('nft --check', 1, 'No such file or directory: log');
    return this.canLog ? Promise.resolve('') : Promise.reject(refused);
  }

  #list(args: readonly string[]): Promise<string> {
    const tables = this.isEmpty ? [] : [{ table: { family: 'inet', name: 'heddle-policy' } }];
    if (args.includes('tables')) return Promise.resolve(JSON.stringify({ nftables: tables }));
    if (this.listFailure !== null) return Promise.reject(new CommandError('nft list', null, this.listFailure));
    if (this.#objects.size === 0) return Promise.reject(new CommandError('nft list', 1, 'No such file or directory'));
    const entries = [...this.#objects.values()].map(({ kind, fields }) => ({
      [kind]: kind === 'counter' ? { ...fields, packets: this.packets } : fields,
    }));
    return Promise.resolve(JSON.stringify({ nftables: entries }));
  }

  #add(kind: string, fields: Fields): void {
    if (kind === 'element')
      this.#set(fields.name).elem = [...(this.#set(fields.name).elem ?? []), ...(fields['elem'] as unknown[])];
    else if (kind === 'rule')
      this.#objects.set(`rule ${String(fields['chain'])} ${String(fields['comment'])}`, { kind, fields });
    else this.#objects.set(`${kind} ${fields.name}`, { kind, fields: { ...fields } });
  }

  #delete(kind: string, fields: Fields): void {
    if (kind === 'table') return this.#objects.clear();
    if (kind === 'element') {
      const gone = (fields['elem'] as unknown[]).map((element) => JSON.stringify(element));
      const set = this.#set(fields.name);
      set.elem = (set.elem ?? []).filter((element) => !gone.includes(JSON.stringify(element)));
      return;
    }
    this.#objects.delete(`${kind} ${fields.name}`);
    if (kind === 'chain') this.removeRules(fields.name);
  }

  #set(name: string): Fields & { elem?: unknown[] } {
    return (this.#objects.get(`set ${name}`) ?? this.#objects.get(`map ${name}`))!.fields;
  }
}

function isRewrite({ delete: gone }: Command): boolean {
  return gone?.['table'] !== undefined;
}
