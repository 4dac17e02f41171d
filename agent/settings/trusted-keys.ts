/**
 * List of the keys that are nodes, from a file: a line for each node, `name public-key [pod-CIDR...]`. `#` begins a comment. A node
 * with pod CIDRs in its line may claim no others. A file with a bad line is refused as a whole.
 */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ConfigError, DecodeError, HeddleError, messageOf } from '../../common/errors.js';
import { nodeIdOf } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { readPlainFile } from '../../common/storage/plain-file.js';

const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{43}=$/;
/** In one message. */
const MAX_NAMED_PROBLEMS = 5;
/** A line for each of MAX_PEERS nodes, with long names and all pod CIDRs that a node may claim, has half of it. */
const MAX_FILE_BYTES = 16 << 20;

export interface TrustedKey {
  readonly node: NodeId;
  readonly name: string;
  /** Ed25519, base64. */
  readonly publicKey: string;
  /** Empty for all. */
  readonly podCidrs: readonly Cidr[];
}

/** Throws {@link ConfigError} that names each bad line as `source:line`. */
export function parseTrustedKeys(text: string, source: string): readonly TrustedKey[] {
  const list = new ListReading(source);
  for (const [index, line] of text.split('\n').entries()) list.read(line, index + 1);
  return list.keys();
}

/** Rejects with {@link ConfigError} that says what to do. */
export async function loadTrustedKeys(path: string): Promise<readonly TrustedKey[]> {
  const { bytes } = await readPlainFile(path, MAX_FILE_BYTES).catch((thrown: unknown) => {
    const how = 'make an empty one, start meshd, and collect the lines that "meshctl key" prints on each node';
    throw new ConfigError([`trustedKeysFile: ${path} cannot be read: ${messageOf(thrown)}; ${how}`]);
  });
  return parseTrustedKeys(Buffer.from(bytes).toString('utf8'), path);
}

/** Inverse of {@link parseTrustedKeys}. */
export function formatTrustedKeys(keys: readonly TrustedKey[]): string {
  return keys.map(({ name, publicKey, podCidrs }) => `${[name, publicKey, ...podCidrs].join(' ')}\n`).join('');
}

class ListReading {
  readonly #source: string;
  readonly #problems: string[] = [];
  /** By name. Bounded by MAX_PEERS. */
  readonly #keys = new Map<string, TrustedKey>();
  /** Line of each name and of each node id. */
  readonly #lines = new Map<string, number>();

  constructor(source: string) {
    this.#source = source;
  }

  read(text: string, line: number): void {
    const words = text.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') return;
    try {
      this.#add(parseWords(words), line);
    } catch (thrown) {
      if (!(thrown instanceof HeddleError)) throw thrown;
      this.#problems.push(`trustedKeysFile: ${this.#source}:${line}: ${thrown.message}`);
    }
  }

  keys(): readonly TrustedKey[] {
    const named = this.#problems.slice(0, MAX_NAMED_PROBLEMS);
    const more = this.#problems.length - named.length;
    if (more > 0) named.push(`trustedKeysFile: ${this.#source}: and ${more} more bad lines`);
    if (named.length > 0) throw new ConfigError(named);
    return [...this.#keys.values()];
  }

  #add(key: TrustedKey, line: number): void {
    for (const [what, word] of [
      ['the name', key.name],
      ['the key', key.node],
    ] as const) {
      const other = this.#lines.get(word);
      if (other !== undefined) throw new DecodeError(`${what} stands on line ${other} too (expected one line a node)`);
    }
    if (this.#keys.size >= MAX_PEERS) throw new DecodeError(`more than ${MAX_PEERS} nodes`);
    this.#keys.set(key.name, key);
    for (const word of [key.name, key.node]) this.#lines.set(word, line);
  }
}

function parseWords([name = '', publicKey = '', ...cidrs]: readonly string[]): TrustedKey {
  if (!/^[\w.-]{1,253}$/.test(name)) {
    throw new DecodeError(`"${name.slice(0, 60)}" is not a node name (expected letters, digits, ".", "_" and "-")`);
  }
  if (!BASE64_OF_32_BYTES.test(publicKey)) {
    throw new DecodeError(`no key of ${name} (expected "name public-key", as "meshctl key" prints it on the node)`);
  }
  return { node: nodeIdOf(Buffer.from(publicKey, 'base64')), name, publicKey, podCidrs: cidrs.map(parseCidr) };
}
