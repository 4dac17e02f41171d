/** What a simulated router holds of one peer, and of one session: objects, so that a packet needs one look-up. */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, PeerPath, SessionKeys } from '../../common/router-port.js';
import { STALE_AFTER_MS } from '../limits.js';
import { shortIndex } from './packet.js';

export class HeldPeer {
  readonly id: NodeId;
  path: PeerPath | null = null;
  /** When the link came up, as commands said. */
  upSinceMs: number | null = null;
  /** The session that seals. */
  active: HeldSession | null = null;
  lastReceivedMs = -Infinity;
  /** When the peer was first heard after the last silence of STALE_AFTER_MS. */
  heardSinceMs = -Infinity;
  /** When it was last heard another way than frames to it take. */
  elsewhereMs = -Infinity;
  sentFrames = 0;
  receivedFrames = 0;
  /** What the last report said; NaN, which equals nothing, before there was one. */
  #reportedLastMs = NaN;
  #reportedTx = 0;
  #reportedRx = 0;

  constructor(id: NodeId) {
    this.id = id;
  }

  noteReceived(nowMs: number): void {
    if (nowMs - this.lastReceivedMs > STALE_AFTER_MS) this.heardSinceMs = nowMs;
    this.lastReceivedMs = nowMs;
  }

  /** When it was last heard the way that frames to it take; -Infinity when it was heard another way since. */
  get heardThereMs(): number {
    return this.lastReceivedMs === this.elsewhereMs ? -Infinity : this.lastReceivedMs;
  }

  /** The next report tells of it, whatever was reported before. */
  forgetReport(): void {
    this.#reportedLastMs = NaN;
  }

  /** Its counters, if they are others than in the last report. @param frames received and sent besides those of the simulation */
  report(frames: { readonly tx: number; readonly rx: number }, nowMs: number): PeerCounters | null {
    const { id: peer, lastReceivedMs: lastMs } = this;
    const txFrames = frames.tx + this.sentFrames;
    const rxFrames = frames.rx + this.receivedFrames;
    if (this.#reportedLastMs === lastMs && this.#reportedTx === txFrames && this.#reportedRx === rxFrames) return null;
    this.#reportedLastMs = lastMs;
    this.#reportedTx = txFrames;
    this.#reportedRx = rxFrames;
    const lastReceivedMsAgo = lastMs === -Infinity ? null : nowMs - lastMs;
    return { peer, txBytes: 1000, txFrames, rxBytes: 2000, rxFrames, lastReceivedMsAgo, lossRatio: 0 };
  }
}

export class HeldSession {
  readonly keys: SessionKeys;
  readonly peer: HeldPeer;
  /** Those of the keys, short. */
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly sendKey: number;
  readonly receiveKey: number;
  readonly installedMs: number;
  confirmed = false;
  unitsSent = 0;
  /** Of them, those in the last report. */
  unitsReported = 0;

  constructor(keys: SessionKeys, peer: HeldPeer, nowMs: number) {
    this.keys = keys;
    this.peer = peer;
    this.localIndex = shortIndex(keys.localIndex);
    this.remoteIndex = shortIndex(keys.remoteIndex);
    this.sendKey = shortOf(keys.sendKey);
    this.receiveKey = shortOf(keys.receiveKey);
    this.installedMs = nowMs;
  }

  get isActive(): boolean {
    return this.peer.active === this;
  }
}

/** The first bytes of a key, which tell the keys of a simulation apart. Signed, so that it needs no object in the heap. */
function shortOf({ buffer, byteOffset }: Uint8Array): number {
  return new DataView(buffer, byteOffset).getInt32(0);
}
