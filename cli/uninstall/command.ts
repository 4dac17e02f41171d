/** Command `meshctl uninstall`: refuses while an agent runs, calls {@link Uninstall} and prints what was removed. */
import { ApiUnreachableError } from '../../common/errors.js';
import type { ApiClient } from '../api-client.js';
import { EXIT } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { printable } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

export interface UninstallOptions {
  /** Only tell what would be removed. */
  readonly dryRun: boolean;
  /** Also remove the state directory: the node's identity and its allocations. */
  readonly purge: boolean;
}

export interface UninstallReport {
  /** One thing each, in the order of removal: `link heddle0`, `nft table inet heddle`, `/etc/cni/net.d/10-heddle.conflist`. */
  readonly removed: readonly string[];
}

/**
 * Removes what Heddle made on this host: the bridge, the TAP, `hd*` interfaces on our bridge, the nft table `inet heddle`,
 * CNI configuration and executable; things that are not there are fine. Throws a HeddleError when something stays.
 */
export type Uninstall = (options: UninstallOptions) => Promise<UninstallReport>;

/** Refuses while an agent runs, which would put everything back at once. */
export async function runUninstall(
  uninstall: Uninstall,
  client: ApiClient,
  options: UninstallOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (!options.dryRun && (await isAgentRunning(client))) {
    terminal.err('meshctl: an agent is listening on this node and would put everything back: stop meshd first\n');
    return EXIT.failed;
  }
  const { removed } = await uninstall(options);
  const verb = options.dryRun ? 'would remove' : 'removed';
  for (const thing of removed) terminal.out(`${verb} ${printable(thing)}\n`);
  if (removed.length === 0) terminal.out('nothing of Heddle is on this host\n');
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
