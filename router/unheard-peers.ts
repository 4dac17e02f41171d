/**
 * Peers that frames go to while nothing is heard of them: the thread asks them itself with a probe, at most once a second, tells the
 * agent, and sends the frames again when they would go another way (`inside/kept-frames.ts`).
 */
import type { InsideReader } from './inside/inside-reader.js';
import type { KeptFrames } from './inside/kept-frames.js';
import type { Probes } from './outside/probes.js';
import type { PeerNotices } from './peer-notices.js';

/** Id of these probes, of whose answers the agent does not hear: those of the agent have another. */
export const OWN_PROBE_ID = 0xffffffff;

export interface UnheardPeersDeps {
  readonly kept: KeptFrames;
  readonly reader: InsideReader;
  readonly probes: Probes;
  readonly notices: PeerNotices;
}

export class UnheardPeers {
  constructor(private readonly deps: UnheardPeersDeps) {}

  /** Does what is due, between two batches of frames. */
  tend(nowMs: number): void {
    const { kept, reader, notices } = this.deps;
    kept.sendMoved((peer) => {
      reader.sendAgain(peer);
      this.#ask(peer);
    });
    for (const peer of kept.unheard) if (notices.tell(peer, 'sessionWanted', nowMs)) this.#ask(peer);
    kept.unheard.clear();
  }

  #ask(peer: number): void {
    this.deps.probes.send(peer, { probeId: OWN_PROBE_ID, sizeBytes: 0 });
  }
}
