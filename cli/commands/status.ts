/** View of `meshctl status`: facts about this node, then its conditions with what is missing and what to do. */
import type { Condition, RevokedNode, Status, Target, Verdict } from '../../common/api.js';
import { formatAge, formatCount, UNKNOWN } from '../output/figures.js';
import type { View, ViewContext } from '../output/output.js';
import type { Paint, Tone } from '../output/paint.js';
import { formatTable, printable } from '../output/table.js';
import type { Column } from '../output/table.js';

const LABEL_WIDTH = 12;
/** Drop reasons named without `-o wide`, most frequent first. */
const MAX_DROP_REASONS = 3;

export const statusView: View<Status> = {
  text(status, context) {
    const lines = [
      ...identityLines(status, context),
      ...networkLines(status, context.wide),
      ...dropLines(status, context.wide),
    ];
    const facts = lines.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${printable(text)}`);
    const conditions = status.conditions.map((condition) => conditionLine(condition, context.paint));
    const tables = [...targetLines(status, context), ...revokedLines(status, context)];
    return [...facts, '', verdictLine(status, context.paint), ...conditions, ...tables, ''].join('\n');
  },
};

/** An agent of an earlier version sends no verdict. */
export function verdictOf({ verdict, ready }: Status): Verdict {
  return verdict ?? (ready ? 'ok' : 'notReady');
}

type Fact = readonly [label: string, text: string];

function identityLines(status: Status, { nowMs, wide }: ViewContext): Fact[] {
  return [
    ['Node', `${status.name} (${status.id})`],
    ...(wide ? [['Key', status.publicKey] satisfies Fact] : []),
    ['Version', `${status.version}, up ${formatAge(status.startedAt, nowMs)}`],
  ];
}

function networkLines(status: Status, wide: boolean): Fact[] {
  const { connected, tap, instance, engine, sealNsPerKiB } = status.router;
  const sealing = engine === undefined || engine === null ? '' : `, ${engine}, ${sealNsPerKiB ?? '?'} ns/KiB`;
  return [
    ['Underlay', `${status.listen} (${listed(status.underlayAddresses)}), ${status.cipher}${sealing}`],
    ['Pod CIDRs', `${listed(status.podCidrs)} of ${listed(status.clusterCidrs)}, MTU ${status.podMtuBytes}`],
    ['Router', connected ? `connected (${tap ?? 'no TAP'}, instance ${instance ?? 'unknown'})` : 'not connected'],
    ['Peers', peersText(status)],
    ...relayLines(status, wide),
    ...status.addresses.map(({ cidr, total, used, quarantined }): Fact => [
      'Addresses',
      `${cidr}: ${used} of ${formatCount(total)} used${quarantined > 0 ? `, ${quarantined} in quarantine` : ''}`,
    ]),
  ];
}

/** In a large cluster most peers are idle: a reader would take them for lost. */
function peersText({ peers: { up, total, idle = 0 } }: Status): string {
  return `${up} of ${total} up${idle > 0 ? `, ${idle} idle: a link comes with the first frame` : ''}`;
}

/** An agent of an earlier version does not tell. */
function relayLines({ relays }: Status, wide: boolean): Fact[] {
  if (relays === undefined || (!wide && relays.pairs + relays.peers === 0)) return [];
  const { pairs, peers } = relays;
  return [
    [
      'Relays',
      `${peers} ${peers === 1 ? 'peer' : 'peers'} through others, between ${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`,
    ],
  ];
}

function dropLines(status: Status, wide: boolean): Fact[] {
  const reasons = Object.entries(status.drops).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const seen = reasons.filter(([, count]) => count > 0);
  const total = seen.reduce((sum, [, count]) => sum + count, 0);
  const named = wide ? reasons : seen.slice(0, MAX_DROP_REASONS);
  const rest = wide || seen.length <= named.length ? '' : ', ...';
  const detail = named.map(([reason, count]) => `${reason} ${count}`).join(', ');
  return [['Drops', detail === '' ? String(total) : `${total} (${detail}${rest})`]];
}

function verdictLine(status: Status, paint: Paint): string {
  const failed = status.conditions.filter(({ ok }) => !ok);
  const needed = failed.filter(({ required }) => required !== false);
  switch (verdictOf(status)) {
    case 'ok':
      return paint('good', 'OK: ready.');
    case 'warning':
      return paint(
        'warning',
        `WARNING: ready, with ${failed.length === 1 ? '1 warning' : `${failed.length} warnings`}.`,
      );
    case 'notReady':
      return paint('bad', `NOT READY: ${needed.length} of ${status.conditions.length} conditions not met.`);
  }
}

function conditionLine({ name, ok, message, required }: Condition, paint: Paint): string {
  const failed = required === false ? paint('warning', 'warning ') : paint('bad', 'missing ');
  const mark = ok ? paint('good', 'ok      ') : failed;
  return `  ${mark}${printable(message === '' ? name : `${name}: ${message}`)}`;
}

const TARGET_TONES: Readonly<Record<Target['state'], Tone>> = {
  up: 'good',
  connecting: 'warning',
  stale: 'warning',
  down: 'bad',
  idle: 'plain',
  refused: 'bad',
};

function targetColumns(nowMs: number): readonly Column<Target>[] {
  return [
    { title: 'TARGET', text: (target) => target.address },
    { title: 'KIND', text: (target) => target.kind },
    { title: 'NODE', text: (target) => target.node ?? UNKNOWN },
    { title: 'STATE', text: (target) => target.state, tone: (target) => TARGET_TONES[target.state] ?? 'plain' },
    { title: 'ATTEMPTS', text: (target) => String(target.attempts ?? UNKNOWN) },
    { title: 'LAST ANSWER', text: (target) => formatAge(target.lastAnswer, nowMs) },
    { title: 'CAUSE', text: (target) => target.cause || UNKNOWN },
  ];
}

/** Seeds, and whatever else has no link. */
function targetLines({ targets = [] }: Status, { nowMs, paint, columns }: ViewContext): string[] {
  if (targets.length === 0) return [];
  return ['', formatTable(targets, targetColumns(nowMs), paint, columns).trimEnd()];
}

function revokedLines({ revoked = [] }: Status, { nowMs, paint, columns }: ViewContext): string[] {
  if (revoked.length === 0) return [];
  const shown: readonly Column<RevokedNode>[] = [
    { title: 'REVOKED', text: ({ name }) => name },
    { title: 'NODE ID', text: ({ id }) => id },
    { title: 'BY', text: ({ by }) => by },
    { title: 'SINCE', text: ({ at }) => formatAge(at, nowMs) },
  ];
  return ['', formatTable(revoked, shown, paint, columns).trimEnd()];
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ');
}
