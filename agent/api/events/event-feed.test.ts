import { describe, expect, it } from '@jest/globals';
import { EventFeed, MAX_BUFFERED_BYTES, MAX_EVENT_CLIENTS } from './event-feed.js';
import type { Clock, EventSink } from './event-feed.js';
import { DEFAULT_EVENT_TIMING } from './event-pacer.js';
import { FakeSource } from '../testing/fake-source.js';

class HeldClock implements Clock {
  #nowMs = 50_000;
  readonly alarms = new Set<{ readonly dueMs: number; readonly ring: () => void }>();
  nowMs(): number {
    return this.#nowMs;
  }
  after(delayMs: number, ring: () => void): () => void {
    const alarm = { dueMs: this.#nowMs + delayMs, ring };
    this.alarms.add(alarm);
    return () => this.alarms.delete(alarm);
  }
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const next = [...this.alarms].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = next.dueMs;
      this.alarms.delete(next);
      next.ring();
    }
    this.#nowMs = endMs;
  }
}

class FakeSink implements EventSink {
  bufferedBytes = 0;
  dropped = false;
  text = '';
  write(text: string): void {
    this.text += text;
  }
  drop(): void {
    this.dropped = true;
  }
  /** Names of the events received so far, then forgets them. */
  takeEvents(): string[] {
    const names = [...this.text.matchAll(/^event: (.*)$/gm)].map((match) => match[1] ?? '');
    this.text = '';
    return names;
  }
}

function setUp() {
  const source = new FakeSource();
  const clock = new HeldClock();
  const watched = { times: 0 };
  const feed = new EventFeed(source, DEFAULT_EVENT_TIMING, clock, () => (watched.times += 1));
  const sink = new FakeSink();
  return { source, clock, watched, feed, sink };
}

describe('event feed', () => {
  it('greets a client with the retry time, the status and the topology, numbered', () => {
    const { feed, sink } = setUp();
    feed.join(sink);
    expect(sink.text).toMatch(
      /^retry: 2000\n\nid: 1\nevent: status\ndata: \{.*\}\n\nid: 2\nevent: topology\ndata: \{.*\}\n\n$/,
    );
  });

  it('sends the topology every two seconds and the status only when it differs', () => {
    const { feed, sink, clock, source } = setUp();
    feed.join(sink);
    sink.takeEvents();
    clock.advance(4_000);
    expect(sink.takeEvents()).toEqual(['topology', 'topology']);
    source.currentStatus = { ...source.currentStatus, ready: false };
    clock.advance(2_000);
    expect(sink.takeEvents()).toEqual(['status', 'topology']);
  });

  it('sends a burst of changes as one snapshot per second', () => {
    const { feed, sink, clock, source } = setUp();
    feed.join(sink);
    sink.takeEvents();
    for (let step = 0; step < 30; step++) {
      source.announce();
      clock.advance(100);
    }
    expect(sink.takeEvents()).toEqual(['topology', 'topology', 'topology']);
  });

  it('sends a heartbeat every fifteen seconds', () => {
    const { feed, sink, clock } = setUp();
    feed.join(sink);
    clock.advance(31_000);
    expect(sink.text.match(/^: heartbeat$/gm)).toHaveLength(2);
  });

  it('drops a client that leaves too much unread and keeps the others', () => {
    const { feed, sink, clock } = setUp();
    const reader = new FakeSink();
    feed.join(sink);
    feed.join(reader);
    reader.takeEvents();
    sink.bufferedBytes = MAX_BUFFERED_BYTES + 1;
    clock.advance(2_000);
    expect(sink.dropped).toBe(true);
    expect(reader.takeEvents()).toEqual(['topology']);
    expect(feed.clientCount).toBe(1);
  });

  it('tells that the topology is watched for as long as it is, and no longer', () => {
    const { feed, sink, clock, watched } = setUp();
    feed.join(sink);
    clock.advance(2_000);
    expect(watched.times).toBe(2);
    feed.leave(sink);
    clock.advance(60_000);
    expect(watched.times).toBe(2);
    expect(clock.alarms.size).toBe(0);
  });

  it('computes nothing without subscribers', () => {
    const { source, clock, watched } = setUp();
    source.announce();
    clock.advance(60_000);
    expect(watched.times).toBe(0);
  });

  it('is full at its limit', () => {
    const { feed } = setUp();
    for (let each = 0; each < MAX_EVENT_CLIENTS; each++) feed.join(new FakeSink());
    expect(feed.isFull).toBe(true);
  });

  it('lets go of the source, the clients and its alarms when closed', () => {
    const { feed, sink, clock, source } = setUp();
    feed.join(sink);
    feed.close();
    expect([sink.dropped, source.listeners.size, clock.alarms.size]).toEqual([true, 0, 0]);
  });
});
