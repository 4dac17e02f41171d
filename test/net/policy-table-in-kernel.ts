/** The table of policies in the network namespace of a node, written and compared by the product's commands, without an agent. */
import { runJson } from '../../common/host/command.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { asInstalled, POLICY_TABLE, readInstalled, tableCommands } from '../../policy/index.js';
import type { InstalledTable, PolicyTable } from '../../policy/index.js';

export class PolicyTableInKernel {
  #installed: InstalledTable | 'damaged' | 'absent' = 'damaged';

  constructor(readonly namespace: NetworkNamespace) {}

  /** Changes the table in force to this one; then the kernel's listing shows no difference. */
  async enforce(table: PolicyTable): Promise<void> {
    const change = tableCommands({ wanted: table, installed: this.#installed, onlyAdd: false });
    if (change !== null) await this.namespace.run('nft', ['-j', '-f', '-'], change);
    this.#installed = table.chains.size === 0 ? 'absent' : asInstalled(table);
  }

  /** The next table is written anew, whatever is in force. */
  forget(): void {
    this.#installed = 'damaged';
  }

  /** The commands that the kernel's table needs to be this one; null for none. */
  async difference(table: PolicyTable): Promise<string | null> {
    const run = { run: (program: string, args: readonly string[]) => this.namespace.run(program, args) };
    const listing = await runJson(run, 'nft', ['-j', 'list', 'table', ...POLICY_TABLE]);
    const found = readInstalled(listing, table);
    return tableCommands({ wanted: table, installed: found.isWhole ? found : 'damaged', onlyAdd: false });
  }
}
