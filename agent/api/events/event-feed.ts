/**
 * Subscribers of the live events. A new subscriber gets both snapshots at once, then each new one, or what differs in it from the
 * one before (of 300 nodes a snapshot has 12 MB). Both are encoded once for all subscribers; without subscribers none is
 * computed. Not here: the text of an event (`event-stream.ts`), the time of the next one (`event-pacer.ts`), HTTP
 * (`http-server.ts`).
 */
import type { ServerEvents, Topology } from '../../../common/api.js';
import type { Clock } from '../../../common/clock.js';
import { differenceOf } from '../../../common/document-difference.js';
import type { ApiSource } from '../api-source.js';
import { paceAfterChange, paceAfterSending, waitMs } from './event-pacer.js';
import type { EventTiming, Pace } from './event-pacer.js';
import { encodeEvent, STREAM_HEARTBEAT, STREAM_OPENING } from './event-stream.js';

export const MAX_EVENT_CLIENTS = 64;
/** A client with more than this unread is dropped; it may connect again and gets a fresh snapshot. */
export const MAX_BUFFERED_BYTES = 4 << 20;

/** One listening client. */
export interface EventSink {
  /** Whether the client keeps the topology and takes differences. */
  readonly takesDifferences: boolean;
  /** Bytes written and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  write(text: string): void;
  /** Ends the stream without waiting for what is still buffered. */
  drop(): void;
}

export class EventFeed {
  /** Bounded by {@link MAX_EVENT_CLIENTS}. */
  readonly #sinks = new Set<EventSink>();
  readonly #unsubscribe: () => void;
  #pace: Pace = paceAfterSending(0);
  #lastId = 0;
  #lastStatus = '';
  /** As the clients that take differences have it. */
  #topology: Topology | null = null;
  #revision = 0;
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
    // The next difference is to what the others have.
    const topology = (sink.takesDifferences ? this.#topology : null) ?? this.source.topology();
    this.#topology ??= topology;
    sink.write(STREAM_OPENING + encodeEvent(this.#nextId(), 'status', status) + this.#snapshotFor(sink, topology));
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
    this.#topology = null;
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
    if (status !== this.#lastStatus) this.#broadcast(encodeEvent(this.#nextId(), 'status', status));
    this.#lastStatus = status;
    this.#sendTopology();
    this.#pace = paceAfterSending(this.clock.nowMs());
    if (this.#sinks.size > 0) this.#scheduleSnapshot();
  }

  #snapshotFor({ takesDifferences }: EventSink, topology: Topology): string {
    if (!takesDifferences) return encodeEvent(this.#nextId(), 'topology', JSON.stringify(topology));
    const snapshot: ServerEvents['topologySnapshot'] = { revision: this.#revision, topology };
    return encodeEvent(this.#nextId(), 'topologySnapshot', JSON.stringify(snapshot));
  }

  #sendTopology(): void {
    const before = this.#topology;
    const topology = this.source.topology();
    this.#topology = topology;
    this.#revision += 1;
    const sinks = [...this.#sinks];
    if (sinks.some(({ takesDifferences }) => !takesDifferences)) {
      const event = encodeEvent(this.#nextId(), 'topology', JSON.stringify(topology));
      this.#broadcast(event, (sink) => !sink.takesDifferences);
    }
    if (sinks.some(({ takesDifferences }) => takesDifferences)) {
      const difference = differenceOf(before, topology) ?? {};
      const event: ServerEvents['topologyDifference'] = { revision: this.#revision, difference };
      const text = encodeEvent(this.#nextId(), 'topologyDifference', JSON.stringify(event));
      this.#broadcast(text, (sink) => sink.takesDifferences);
    }
  }

  #broadcast(text: string, isFor: (sink: EventSink) => boolean = () => true): void {
    for (const sink of this.#sinks) {
      if (!isFor(sink)) continue;
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
