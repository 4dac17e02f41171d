/**
 * Command `meshctl rotate`: begins and ends the rotation of the cluster secret in this node's file, and shows how far the nodes
 * are. It sends no secret anywhere: the operator hands out the file (ADR 0034).
 */
import type { Peer, Status } from '../../common/api.js';
import { readPeers, readStatus } from '../api-answers.js';
import type { ApiClient } from '../api-client.js';
import { EXIT } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { createPaint } from '../output/paint.js';
import { formatTable, printable } from '../output/table.js';
import type { Column } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

export type RotationStep = 'begin' | 'status' | 'end';

/** Access to the file of cluster secrets. Each gives the identifiers of the secrets in it, oldest first, or rejects. */
export interface SecretFileChange {
  ids(path: string): Promise<readonly string[]>;
  /** Adds a new secret behind the only one. */
  add(path: string): Promise<readonly string[]>;
  /** Leaves the newest alone. */
  dropOld(path: string): Promise<readonly string[]>;
}

interface NodeSecrets {
  readonly name: string;
  readonly state: string;
  /** Null from a node of an earlier version. */
  readonly ids: readonly string[] | null;
}

/** Nodes that a sentence names. */
const MAX_NAMED = 5;

const COLUMNS: readonly Column<NodeSecrets>[] = [
  { title: 'NODE', text: ({ name }) => name },
  { title: 'STATE', text: ({ state }) => state },
  { title: 'SECRETS', text: ({ ids }) => ids?.join(', ') ?? 'unknown, of an earlier version' },
];

interface Progress {
  readonly file: string;
  /** This node first. */
  readonly nodes: readonly [NodeSecrets, ...NodeSecrets[]];
}

export async function runRotate(
  client: ApiClient,
  step: RotationStep,
  file: SecretFileChange,
  terminal: Terminal,
): Promise<ExitCode> {
  const progress = await readProgress(client);
  if (step === 'status') return showProgress(progress, terminal);
  return step === 'begin' ? begin(progress, file, terminal) : end(progress, file, terminal);
}

async function readProgress(client: ApiClient): Promise<Progress> {
  const status: Status = readStatus(await client.get('/v1/status'), '/v1/status');
  const peers: readonly Peer[] = readPeers(await client.get('/v1/peers'), '/v1/peers');
  const self = { name: status.name, state: 'self', ids: status.clusterSecret?.ids ?? null };
  const others = peers.map(({ name, state, secretIds = null }) => ({ name, state, ids: secretIds }));
  return { file: status.clusterSecret?.file ?? '', nodes: [self, ...others] };
}

async function begin({ file: path }: Progress, file: SecretFileChange, terminal: Terminal): Promise<ExitCode> {
  const before = await file.ids(path);
  const ids = before.length > 1 ? before : await file.add(path);
  const what = before.length > 1 ? 'has two secrets already' : 'has a second, new secret now';
  terminal.out(`${printable(path)} ${what}: old ${ids[0]!}, new ${ids.at(-1)!}.
Hand out this file to all other nodes, which follow it within 2 s and drop no link. Progress: meshctl rotate --status
When all nodes have the new secret: meshctl rotate --end
`);
  return EXIT.ok;
}

async function end(progress: Progress, file: SecretFileChange, terminal: Terminal): Promise<ExitCode> {
  const { file: path, nodes } = progress;
  const ids = await file.ids(path);
  const newest = ids.at(-1)!;
  const lacking = withoutSecret(nodes, newest);
  if (ids.length > 1 && lacking.length > 0) {
    terminal.err(`meshctl: the old secret stays, since ${named(lacking)} would be cut off without it.
Give them the new secret (${newest}); a node that is gone for good: meshctl forget NODE\n`);
    return EXIT.failed;
  }
  if (ids.length > 1) await file.dropOld(path);
  terminal.out(`${printable(path)} has the secret ${newest} alone. Hand out this file, or run meshctl rotate --end on every node.
From then on a node with the old secret is refused. Progress: meshctl rotate --status
`);
  return EXIT.ok;
}

function showProgress({ nodes }: Progress, terminal: Terminal): ExitCode {
  const own = nodes[0].ids ?? [];
  const newest = own.at(-1) ?? '';
  const lacking = withoutSecret(nodes, newest);
  const mixed = nodes.filter(({ ids }) => ids?.includes(newest) === true && ids.length > 1);
  terminal.out(formatTable(nodes, COLUMNS, createPaint(terminal), terminal.columns));
  const having = `${nodes.length - lacking.length} of ${nodes.length} nodes have the secret ${printable(newest)}`;
  const without = lacking.length === 0 ? '' : `; without it: ${named(lacking)}`;
  const still = mixed.length === 0 ? '' : `. With another one besides: ${named(mixed)}`;
  terminal.out(`\n${having}${without}${still}.\n`);
  return lacking.length === 0 ? EXIT.ok : EXIT.failed;
}

function withoutSecret(nodes: readonly NodeSecrets[], id: string): NodeSecrets[] {
  return nodes.filter(({ ids }) => ids?.includes(id) !== true);
}

/** The first ones by name. */
function named(nodes: readonly NodeSecrets[]): string {
  const names = nodes.slice(0, MAX_NAMED).map(({ name, state }) => `${printable(name)} (${state})`);
  const more = nodes.length - names.length;
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
