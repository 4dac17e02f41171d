/** Sequence diagram (Mermaid text) of the last messages between some nodes. */
import { formatSocketAddress } from '../../../common/address/socket-address.js';
import { describePacket } from '../../../mesh/testing/packet.js';
import type { LoggedMessage } from '../../../mesh/testing/sim-log.js';

const MAX_ARROWS = 40;

/** @param nodes numbers; messages between others are left out, unless there are none of these */
export function sequenceDiagram(messages: readonly LoggedMessage[], nodes: readonly number[]): string {
  const isAbout = ({ from, to }: LoggedMessage): boolean =>
    nodes.includes(from.number) && (nodes.length < 2 || !('number' in to) || nodes.includes(to.number));
  const about = messages.filter(isAbout);
  const shown = (about.length > 0 ? about : messages).slice(-MAX_ARROWS);
  return ['sequenceDiagram', ...shown.map((message) => `  ${arrowOf(message)}`)].join('\n');
}

function arrowOf({ atMs, from, to, packet, transit }: LoggedMessage): string {
  const target = 'number' in to ? `node${to.number}` : formatSocketAddress(to).replaceAll(/[^\w.]/g, '_');
  const arrow = transit.fate === 'delivered' ? '->>' : '-x';
  const fate = transit.fate === 'delivered' ? '' : ` (${transit.fate})`;
  const text = describePacket(packet).replaceAll(/[;:#]/g, ' ');
  return `node${from.number}${arrow}${target}: ${(atMs / 1000).toFixed(3)} s ${text}${fate}`;
}
