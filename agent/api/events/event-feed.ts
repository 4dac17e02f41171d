/**
 * Subscribers of the live events. A new subscriber gets both snapshots at once, then each new one. A snapshot is encoded
 * once for all subscribers; without subscribers none is computed. Not here: the text of an event (`event-stream.ts`),
 * the time of the next one (`event-pacer.ts`), HTTP (`http-server.ts`).
 */
import type { ApiSource } from '../api-source.js';
import { paceAfterChange, paceAfterSending, waitMs } from './event-pacer.js';
import type { EventTiming, Pace } from './event-pacer.js';
import { encodeEvent, STREAM_HEARTBEAT, STREAM_OPENING } from './event-stream.js';

export const MAX_EVENT_CLIENTS = 64;
/** A client with more than this unread is dropped; it may connect again and gets a fresh snapshot. */
export const MAX_BUFFERED_BYTES = 4 << 20;

/** One listening client. */
export interface EventSink {
  /** Bytes written and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  write(text: string): void;
  /** Ends the stream without waiting for what is still buffered. */
  drop(): void;
}

/** Monotonic time and alarms, so that a test can hold the clock. */
export interface Clock {
  nowMs(): number;
  /** Calls `ring` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, ring: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, ring) {
    const timer = setTimeout(ring, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

export class EventFeed {
  /** Bounded by {@link MAX_EVENT_CLIENTS}. */
  readonly #sinks = new Set<EventSink>();
  readonly #unsubscribe: () => void;
  #pace: Pace = paceAfterSending(0);
  #lastId = 0;
  #lastStatus = '';
  #cancelSnapshot: () => void = () => undefined;
  #cancelHeartbeat: () => void = () => undefined;

  constructor(
    private readonly source: ApiSource,
    private readonly timing: EventTiming,
    private readonly clock: Clock,
    private readonly onWatched: () => void,
  ) {
    this.#unsubscribe = source.onChange(() => this.#noteChange());
  }

  get clientCount(): number {
    return this.#sinks.size;
  }

  get isFull(): boolean {
    return this.#sinks.size >= MAX_EVENT_CLIENTS;
  }

  /** Sends the opening and both snapshots to `sink` and keeps it until {@link leave}. The caller has checked `isFull`. */
  join(sink: EventSink): void {
    const wasEmpty = this.#sinks.size === 0;
    this.#sinks.add(sink);
    this.onWatched();
    const status = JSON.stringify(this.source.status());
    if (wasEmpty) this.#lastStatus = status;
    const topology = JSON.stringify(this.source.topology());
    sink.write(
      STREAM_OPENING +
        encodeEvent(this.#nextId(), 'status', status) +
        encodeEvent(this.#nextId(), 'topology', topology),
    );
    if (!wasEmpty) return;
    this.#pace = paceAfterSending(this.clock.nowMs());
    this.#scheduleSnapshot();
    this.#scheduleHeartbeat();
  }

  leave(sink: EventSink): void {
    this.#sinks.delete(sink);
    if (this.#sinks.size === 0) this.#rest();
  }

  close(): void {
    this.#unsubscribe();
    for (const sink of this.#sinks) sink.drop();
    this.#sinks.clear();
    this.#rest();
  }

  #rest(): void {
    this.#cancelSnapshot();
    this.#cancelHeartbeat();
  }

  #noteChange(): void {
    if (this.#sinks.size === 0 || this.#pace.changed) return;
    this.#pace = paceAfterChange(this.#pace);
    this.#scheduleSnapshot();
  }

  #scheduleSnapshot(): void {
    this.#cancelSnapshot();
    const delayMs = waitMs(this.#pace, this.timing, this.clock.nowMs());
    this.#cancelSnapshot = this.clock.after(delayMs, () => this.#sendSnapshot());
  }

  #scheduleHeartbeat(): void {
    this.#cancelHeartbeat();
    this.#cancelHeartbeat = this.clock.after(this.timing.heartbeatMs, () => {
      this.#broadcast(STREAM_HEARTBEAT);
      if (this.#sinks.size > 0) this.#scheduleHeartbeat();
    });
  }

  /** The status goes out only when it says something new; the topology always, for it carries the rates. */
  #sendSnapshot(): void {
    this.onWatched();
    const status = JSON.stringify(this.source.status());
    const topology = JSON.stringify(this.source.topology());
    if (status !== this.#lastStatus) this.#broadcast(encodeEvent(this.#nextId(), 'status', status));
    this.#lastStatus = status;
    this.#broadcast(encodeEvent(this.#nextId(), 'topology', topology));
    this.#pace = paceAfterSending(this.clock.nowMs());
    if (this.#sinks.size > 0) this.#scheduleSnapshot();
  }

  #broadcast(text: string): void {
    for (const sink of this.#sinks) {
      if (sink.bufferedBytes <= MAX_BUFFERED_BYTES) {
        sink.write(text);
        continue;
      }
      this.#sinks.delete(sink);
      sink.drop();
    }
    if (this.#sinks.size === 0) this.#rest();
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}
