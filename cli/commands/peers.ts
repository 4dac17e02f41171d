/** View of `meshctl peers`: other nodes and the links to them. */
import type { LinkState, Peer } from '../../common/api.js';
import { formatAge, formatBytes, formatRoundTrip, formatShare, UNKNOWN } from '../output/figures.js';
import { tableView } from '../output/output.js';
import type { View } from '../output/output.js';
import type { Tone } from '../output/paint.js';
import type { Column } from '../output/table.js';

/** Enough to tell two keys apart. */
const SHORT_KEY_LENGTH = 8;

const STATE_TONES: Readonly<Record<LinkState, Tone>> = {
  up: 'good',
  connecting: 'warning',
  stale: 'warning',
  down: 'bad',
  idle: 'plain',
};

export const peersView = tableView<Peer>(peerColumns, 'No peers yet: no other node is known.');
export const onePeerView: View<Peer> = { text: (peer, context) => peersView.text([peer], context) };

function peerColumns(nowMs: number): readonly Column<Peer>[] {
  return [
    { title: 'NAME', text: (peer) => peer.name },
    { title: 'ID', text: (peer) => peer.id, wide: true },
    { title: 'KEY', text: (peer) => peer.publicKey.slice(0, SHORT_KEY_LENGTH) },
    { title: 'ENDPOINT', text: (peer) => peer.endpoint ?? UNKNOWN },
    { title: 'PATH', text: pathText },
    { title: 'STATE', text: (peer) => peer.state, tone: (peer) => STATE_TONES[peer.state] ?? 'plain' },
    { title: 'RTT', text: (peer) => formatRoundTrip(peer.rttMs) },
    { title: 'LOSS', text: (peer) => formatShare(peer.lossRatio), wide: true },
    { title: 'MTU', text: (peer) => String(peer.mtuBytes ?? UNKNOWN) },
    { title: 'RX', text: (peer) => formatBytes(peer.rxBytes) },
    { title: 'TX', text: (peer) => formatBytes(peer.txBytes) },
    { title: 'SINCE', text: (peer) => formatAge(peer.since, nowMs) },
    { title: 'CIPHER', text: (peer) => peer.cipher ?? UNKNOWN, wide: true },
    { title: 'POD CIDRS', text: (peer) => peer.podCidrs.join(','), wide: true },
    { title: 'VERSION', text: (peer) => peer.version, wide: true },
    { title: 'LAST HANDSHAKE', text: (peer) => formatAge(peer.lastHandshake, nowMs), wide: true },
    { title: 'PATH REASON', text: (peer) => peer.pathReason ?? UNKNOWN, wide: true },
    { title: 'REASON', text: (peer) => peer.reason, wide: true },
  ];
}

function pathText({ path, via }: Peer): string {
  return path === 'relayed' ? `via ${via ?? UNKNOWN}` : path;
}
