/** Facts of one link. Reason and counters, which only this node's own links have, come from the peer's document. */
import type { Peer, TopologyLink } from '../../../common/api.js';
import { formatAgo, formatBytes, formatCount, formatDuration, formatMs, formatRatio, UNKNOWN } from '../format.js';
import { peerDetail } from '../state/peer-detail.js';
import { nowMs } from '../state/store.js';
import { Fact, Facts } from '../ui/facts.js';
import { LockIcon } from '../ui/icons.js';
import { STATE_WORDS } from '../ui/state-pill.js';

/** @param props.endpoint address of the far end in the topology, for links between other nodes */
export function LinkFacts({ link, endpoint }: { link: TopologyLink; endpoint: string | null }) {
  const known = peerDetail.value;
  const peer = known !== null && [link.a, link.b].includes(known.id) ? known : null;
  return (
    <>
      <p class={`reason is-${link.state}`}>{peer === null ? STATE_WORDS[link.state] : peer.reason}</p>
      <Facts>
        <Fact name="Round trip">{formatMs(link.rttMs)}</Fact>
        <Fact name="Loss">{formatRatio(link.lossRatio)}</Fact>
        <Fact name="Path MTU">{link.mtuBytes === null ? UNKNOWN : `${formatCount(link.mtuBytes)} bytes`}</Fact>
        <Fact name="Path">{link.path}</Fact>
        <Fact name="Cipher" mono>
          {link.cipher === null ? (
            UNKNOWN
          ) : (
            <span class="cipher">
              <LockIcon size={13} /> {link.cipher}
            </span>
          )}
        </Fact>
        <Fact name="Endpoint" mono>
          {peer?.endpoint ?? endpoint ?? UNKNOWN}
        </Fact>
        {peer === null ? null : <PeerFacts peer={peer} />}
      </Facts>
    </>
  );
}

function PeerFacts({ peer }: { peer: Peer }) {
  return (
    <>
      <Fact name="Sent">
        {formatBytes(peer.txBytes)} <span class="quiet">{formatCount(peer.txFrames)} frames</span>
      </Fact>
      <Fact name="Received">
        {formatBytes(peer.rxBytes)} <span class="quiet">{formatCount(peer.rxFrames)} frames</span>
      </Fact>
      <Fact name="In this state">
        {peer.since === null ? UNKNOWN : `for ${formatDuration(nowMs.value - Date.parse(peer.since))}`}
      </Fact>
      <Fact name="Handshake">{formatAgo(peer.lastHandshake, nowMs.value)}</Fact>
      <Fact name="Version">{peer.version}</Fact>
    </>
  );
}
