import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ForwarderReport } from './forwarder-messages.js';
import { TYPE_CONTROL } from '../common/wire/datagram-header.js';
import { REPORTED_PEERS } from './limits.js';
import { TestNode } from './testing/test-node.js';
import { WirePeer } from './testing/wire-peer.js';

let node: TestNode;
let peers: WirePeer[] = [];
beforeEach(() => {
  node = new TestNode({ number: 1 });
});
afterEach(() => {
  node.close();
  for (const peer of peers) peer.close();
  peers = [];
});

function connect(count: number): WirePeer[] {
  peers = Array.from({ length: count }, (_, i) => new WirePeer(node, 10 + i, 'aes-256-gcm', 1500));
  node.route(...peers);
  return peers;
}

/** What the main thread gets when it asks; null when there is no room for it. */
function askForReport(withPaths = false): ForwarderReport | null {
  const from = node.events.length;
  node.command({ type: 'report', withPaths });
  const at = node.events.findIndex((event, i) => i >= from && event.type === 'report');
  return at < 0 ? null : (node.events.splice(at, 1)[0] as ForwarderReport & { type: 'report' });
}

const namesOf = (report: ForwarderReport | null): string[] => report!.peers.map(({ peer }) => peer).sort();

/** The node hears something of each of them. */
function sendFrom(...senders: WirePeer[]): void {
  for (const peer of senders) {
    peer.send(Uint8Array.of(1), { type: TYPE_CONTROL });
    node.waitForDatagram(1000);
    node.turn();
  }
}

describe('the report of a forwarding thread', () => {
  it('has a peer when its counters changed since the report before', () => {
    const [a, b] = connect(2);
    expect(namesOf(askForReport())).toEqual([]);
    sendFrom(a!);
    expect(namesOf(askForReport())).toEqual([a!.id]);
    expect(namesOf(askForReport())).toEqual([]);
    sendFrom(b!);
    expect(namesOf(askForReport())).toEqual([b!.id]);
    expect(namesOf(node.report())).toEqual([a!.id, b!.id]);
  });

  it('has again what was in one that was lost', () => {
    const [a, b] = connect(2);
    sendFrom(a!);
    node.command({ type: 'removePeer', peer: b!.id });
    node.takesEvents = false;
    expect(askForReport()).toBeNull();
    node.takesEvents = true;
    expect(askForReport()).toMatchObject({ peers: [{ peer: a!.id }], removed: [b!.id] });
    expect(askForReport()).toMatchObject({ peers: [], removed: [] });
  });

  it('has so many peers at most, and says that the next one is due', () => {
    sendFrom(...connect(REPORTED_PEERS + 3));
    const [first, second] = [askForReport()!, askForReport()!];
    expect([first.peers.length, first.hasMore]).toEqual([REPORTED_PEERS, true]);
    expect([second.peers.length, second.hasMore]).toEqual([3, false]);
    expect(new Set([...namesOf(first), ...namesOf(second)]).size).toBe(REPORTED_PEERS + 3);
  });

  it('names a peer that was forgotten, and not the one that has its place', () => {
    const [a] = connect(1);
    sendFrom(a!);
    node.command({ type: 'removePeer', peer: a!.id });
    expect(askForReport()).toMatchObject({ peers: [], removed: [a!.id] });
    const next = new WirePeer(node, 99);
    peers.push(next);
    expect(askForReport()).toMatchObject({ peers: [], removed: [] });
  });

  it('has the paths when they are asked for', () => {
    const [a] = connect(1);
    expect(askForReport()!.paths).toBeNull();
    expect(askForReport(true)!.paths).toMatchObject([{ peer: a!.id, endpoint: a!.socket.address }]);
  });
});
