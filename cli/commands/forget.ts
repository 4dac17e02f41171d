/** Command `meshctl forget`: makes a node no longer a member of the cluster, or, with `--undo`, lets it come back. */
import { readRevokedNode } from '../api-answers.js';
import type { ApiClient } from '../api-client.js';
import { EXIT } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { printable } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

export interface ForgetOptions {
  /** Name, id or beginning of an id. */
  readonly node: string;
  readonly undo: boolean;
}

export async function runForget(
  client: ApiClient,
  { node, undo }: ForgetOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const path = `/v1/revoked/${encodeURIComponent(node)}`;
  const { name, id } = readRevokedNode(await client.change(undo ? 'DELETE' : 'PUT', path), path);
  const who = `${printable(name)} (${printable(id)})`;
  terminal.out(
    undo
      ? `${who} may link again.\n`
      : `${who} is forgotten: all nodes refuse it from now on. To let it come back: meshctl forget --undo ${printable(id)}\n`,
  );
  return EXIT.ok;
}
