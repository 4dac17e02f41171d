/** Command `meshctl uninstall`: refuses while an agent runs, calls {@link Uninstall} and prints what was removed. */
import { ApiUnreachableError } from '../../common/errors.js';
import type { ApiClient } from '../api-client.js';
import { EXIT } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { printable } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

export interface UninstallOptions {
  /** Only list what would be removed. */
  readonly dryRun: boolean;
  /** Also remove the state directory: the node's identity and its allocations. */
  readonly purge: boolean;
}

export interface UninstallReport {
  /** In the order of removal: `interface heddle0`, `nft table inet heddle`, `/etc/cni/net.d/10-heddle.conflist`. */
  readonly removed: readonly string[];
  /** Files that stay: the plugin by which a runtime deletes pods that still run. Empty without such pods. */
  readonly left: readonly string[];
  /** Network namespaces of those pods. */
  readonly podsThatRun: readonly string[];
}

/**
 * Removes what Heddle made on this host: bridge, TAP, host interfaces of pods, nft table, CNI configuration and executable.
 * A missing one is no error. Throws a HeddleError when something cannot be removed.
 */
export type Uninstall = (options: UninstallOptions) => Promise<UninstallReport>;

/** Refuses while an agent runs, since the agent would make everything again. */
export async function runUninstall(
  uninstall: Uninstall,
  client: ApiClient,
  options: UninstallOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (!options.dryRun && (await isAgentRunning(client))) {
    terminal.err('meshctl: an agent is running on this node and would make everything again: stop meshd first\n');
    return EXIT.failed;
  }
  const { removed, left, podsThatRun } = await uninstall(options);
  const verb = options.dryRun ? 'would remove' : 'removed';
  for (const thing of removed) terminal.out(`${verb} ${printable(thing)}\n`);
  if (left.length > 0) {
    terminal.out(`${options.dryRun ? 'would leave' : 'left'} ${printable(left.join(' and '))}\n`);
    terminal.out(`pods that still run need them to be deleted: ${printable(podsThatRun.join(', '))}\n`);
    terminal.out('delete these pods, then run this again\n');
  } else if (removed.length === 0) terminal.out('nothing to remove: nothing of Heddle is on this host\n');
  return EXIT.ok;
}

async function isAgentRunning(client: ApiClient): Promise<boolean> {
  try {
    await client.get('/healthz');
    return true;
  } catch (thrown) {
    return !(thrown instanceof ApiUnreachableError && thrown.reason === 'absent');
  }
}
