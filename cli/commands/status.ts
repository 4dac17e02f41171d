/** View of `meshctl status`: facts about this node, then its conditions with what is missing and what to do. */
import type { Condition, Status } from '../../common/api.js';
import { formatAge } from '../output/figures.js';
import type { View, ViewContext } from '../output/output.js';
import type { Paint } from '../output/paint.js';
import { printable } from '../output/table.js';

const LABEL_WIDTH = 12;
/** Drop reasons named without `-o wide`, most frequent first. */
const MAX_DROP_REASONS = 3;

export const statusView: View<Status> = {
  text(status, context) {
    const lines = [...identityLines(status, context), ...networkLines(status), ...dropLines(status, context.wide)];
    const facts = lines.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${printable(text)}`);
    const conditions = status.conditions.map((condition) => conditionLine(condition, context.paint));
    return [...facts, '', readyLine(status, context.paint), ...conditions, ''].join('\n');
  },
};

type Fact = readonly [label: string, text: string];

function identityLines(status: Status, { nowMs, wide }: ViewContext): Fact[] {
  return [
    ['Node', `${status.name} (${status.id})`],
    ...(wide ? [['Key', status.publicKey] satisfies Fact] : []),
    ['Version', `${status.version}, up ${formatAge(status.startedAt, nowMs)}`],
  ];
}

function networkLines(status: Status): Fact[] {
  const { connected, tap, instance, engine, sealNsPerKiB } = status.router;
  const sealing = engine === undefined || engine === null ? '' : `, ${engine}, ${sealNsPerKiB ?? '?'} ns/KiB`;
  return [
    ['Underlay', `${status.listen} (${listed(status.underlayAddresses)}), ${status.cipher}${sealing}`],
    ['Pod CIDRs', `${listed(status.podCidrs)} of ${listed(status.clusterCidrs)}, MTU ${status.podMtuBytes}`],
    ['Router', connected ? `connected (${tap ?? 'no TAP'}, instance ${instance ?? 'unknown'})` : 'not connected'],
    ['Peers', `${status.peers.up} of ${status.peers.total} up`],
    ...status.addresses.map(({ cidr, total, used, quarantined }): Fact => [
      'Addresses',
      `${cidr}: ${used} of ${total} used${quarantined > 0 ? `, ${quarantined} in quarantine` : ''}`,
    ]),
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

function readyLine(status: Status, paint: Paint): string {
  if (status.ready) return paint('good', 'Ready.');
  const missing = status.conditions.filter((condition) => !condition.ok).length;
  return paint('bad', `NOT READY: ${missing} of ${status.conditions.length} conditions not met.`);
}

function conditionLine({ name, ok, message }: Condition, paint: Paint): string {
  const mark = ok ? paint('good', 'ok      ') : paint('bad', 'missing ');
  return `  ${mark}${printable(message === '' ? name : `${name}: ${message}`)}`;
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ');
}
