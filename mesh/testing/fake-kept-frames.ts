/**
 * Copies of frames that a simulated router sent while nothing was heard of their peer, as the real one keeps them
 * (`router/inside/kept-frames.ts`): they leave again when path or session are others, and end with an answer, or after 3 s.
 */
import type { NodeId } from '../../common/node-id.js';
import type { SimFrame } from './packet.js';

/** Silence of a peer after which frames to it are kept, and how many. */
const UNHEARD_MS = 2_000;
const MAX_KEPT_FRAMES = 64;

interface Kept {
  readonly sinceMs: number;
  readonly frames: SimFrame[];
  /** Where the frames went last, in which session. */
  way: string;
}

export class FakeKeptFrames {
  readonly #kept = new Map<NodeId, Kept>();

  /** Keeps a frame that goes this way, if it is to be. @param heardMs when the peer was last heard */
  offer(peer: NodeId, frame: SimFrame, way: string, heardMs: number, nowMs: number): boolean {
    const known = this.#kept.get(peer);
    if (known === undefined && nowMs - heardMs < UNHEARD_MS) return false;
    const kept = known ?? { sinceMs: nowMs, frames: [], way };
    this.#kept.set(peer, kept);
    if (kept.frames.length < MAX_KEPT_FRAMES) kept.frames.push(frame);
    return true;
  }

  /** The frames to send again, when they would go another way than before. */
  moved(peer: NodeId, way: string, heardMs: number): SimFrame[] {
    const kept = this.#kept.get(peer);
    if (kept === undefined || kept.way === way) return [];
    kept.way = way;
    const frames = [...kept.frames];
    if (heardMs >= kept.sinceMs) this.#kept.delete(peer);
    return frames;
  }

  answered(peer: NodeId): void {
    this.#kept.delete(peer);
  }

  /** Whether a frame that is as old as it may be is still kept, and nothing was heard since. */
  expire(peer: NodeId, frame: SimFrame, heardMs: number): boolean {
    const kept = this.#kept.get(peer);
    const index = kept?.frames.indexOf(frame) ?? -1;
    if (kept === undefined || index < 0) return false;
    kept.frames.splice(index, 1);
    if (kept.frames.length === 0) this.#kept.delete(peer);
    return heardMs < kept.sinceMs;
  }
}
