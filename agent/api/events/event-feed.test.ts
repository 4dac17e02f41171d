import { describe, expect, it } from '@jest/globals';
import type { ServerEvents, Topology } from '../../../common/api.js';
import { VirtualClock } from '../../../common/testing/virtual-clock.js';
import { applyDifference } from '../../../common/document-difference.js';
import { EventFeed, MAX_BUFFERED_BYTES, MAX_EVENT_CLIENTS } from './event-feed.js';
import type { EventSink } from './event-feed.js';
import { DEFAULT_EVENT_TIMING } from './event-pacer.js';
import { FakeSource } from '../testing/fake-source.js';

class FakeSink implements EventSink {
  constructor(readonly takesDifferences = false) {}
  bufferedBytes = 0;
  dropped = false;
  text = '';
  write(text: string): void {
    this.text += text;
  }
  drop(): void {
    this.dropped = true;
  }
  /** Data of the events of this name so far, then forgets them. */
  takeData(name: string): unknown[] {
    const found = [...this.text.matchAll(new RegExp(`^event: ${name}\ndata: (.*)$`, 'gm'))];
    this.text = '';
    return found.map((match) => JSON.parse(match[1]!) as unknown);
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
  const clock = new VirtualClock();
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
    expect(clock.pending).toBe(0);
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
    expect([sink.dropped, source.listeners.size, clock.pending]).toEqual([true, 0, 0]);
  });
});

describe('a client that takes differences', () => {
  const rows = (count: number, rttMs: number) =>
    Array.from({ length: count }, (_, i) => ({ a: 'x', b: `node-${i}`, rttMs: i === 7 ? rttMs : 1 }));

  it('gets the whole topology once, then what changed in it, and has the same in the end', () => {
    const { feed, clock, source } = setUp();
    const topologyOf = (count: number, rttMs: number) =>
      ({ ...source.currentTopology, at: `${count} ${rttMs}`, links: rows(count, rttMs) }) as unknown as Topology;
    source.currentTopology = topologyOf(100, 1);
    const sink = new FakeSink(true);
    feed.join(sink);
    let [kept] = sink.takeData('topologySnapshot') as ServerEvents['topologySnapshot'][];
    for (const next of [topologyOf(100, 2), topologyOf(101, 2), topologyOf(50, 3)]) {
      source.currentTopology = next;
      clock.advance(2_000);
      const bytes = sink.text.length;
      const [event] = sink.takeData('topologyDifference') as ServerEvents['topologyDifference'][];
      expect(bytes).toBeLessThan(250);
      expect(event!.revision).toBe(kept!.revision + 1);
      kept = { ...event!, topology: applyDifference(kept!.topology, event!.difference) as Topology };
      expect(kept.topology).toEqual(next);
    }
  });

  it('may come later than others: the next difference fits what it got', () => {
    const { feed, sink, clock, source } = setUp();
    const [first, second] = [new FakeSink(true), new FakeSink(true)];
    feed.join(first);
    source.currentTopology = { ...source.currentTopology, at: 'later' };
    feed.join(second);
    feed.join(sink);
    expect(second.takeData('topologySnapshot')).toEqual(first.takeData('topologySnapshot'));
    expect(sink.takeData('topology')).toMatchObject([{ at: 'later' }]);
    clock.advance(2_000);
    const differences = second.takeData('topologyDifference');
    expect(differences).toEqual([{ revision: 1, difference: { at: ['later'] } }]);
    expect(first.takeData('topologyDifference')).toEqual(differences);
    expect(sink.takeEvents()).toEqual(['topology']);
  });
});
