import type { LossReportOfPeer } from '../forwarder-messages.js';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fragmentBudgetFor, datagramLoss } from './loss-reports.js';
import { settle } from '../testing/exchange.js';
import { patternBytes } from '../testing/frame-arbitraries.js';
import type { OpenedUnit } from '../testing/reference-wire.js';
import { TYPE_CONTROL, TYPE_DATA, TYPE_PROBE } from '../../common/wire/datagram-header.js';
import { TestNode } from '../testing/test-node.js';
import { WirePeer } from '../testing/wire-peer.js';

const KIND_REPORT = 2;

const node = new TestNode({ number: 1 });
let peer: WirePeer;
let number = 2;
beforeEach(() => {
  peer = new WirePeer(node, number++);
  node.nowMs += 10_000;
});
afterAll(() => node.close());

function budget(): number {
  const { peers } = node.forwarder;
  return peers.fragmentBudget(peers.find(peer.id));
}

interface Totals {
  readonly sent: number;
  readonly opened: number;
  readonly datagrams: number;
}

function totalsIn({ plain }: OpenedUnit): Totals & { index: number } {
  const bytes = Buffer.from(plain);
  return {
    index: bytes.readUInt32BE(4),
    sent: bytes.readDoubleBE(8),
    opened: bytes.readDoubleBE(16),
    datagrams: bytes.readDoubleBE(24),
  };
}

function reports(): (Totals & { index: number })[] {
  peer.socket.wait(20);
  const units = peer.units().filter(({ type, plain }) => type === TYPE_PROBE && plain[0] === KIND_REPORT);
  return units.map(totalsIn);
}

/** What a peer that received so much would report; the node has sent `sent` units before. */
function report({ sent, opened, datagrams }: Totals, index = peer.incoming.index, lane = 0): void {
  const bytes = Buffer.alloc(32);
  bytes.set([KIND_REPORT, lane]);
  bytes.writeUInt32BE(index, 4);
  bytes.writeDoubleBE(sent, 8);
  bytes.writeDoubleBE(opened, 16);
  bytes.writeDoubleBE(datagrams, 24);
  peer.send(bytes, { type: TYPE_PROBE });
  settle([node]);
}

function nodeSends(units: number): void {
  for (let i = 0; i < units; i++) node.command({ type: 'sendControl', peer: peer.id, bytes: patternBytes(100, i) });
}

describe('the estimate', () => {
  it.each([
    [0, 64],
    [0.0003, 24],
    [0.001, 16],
    [0.01, 8],
    [0.05, 4],
    [1, 4],
  ])('of a loss of %p allows units of %p datagrams', (loss, fragments) => {
    expect(fragmentBudgetFor(loss)).toBe(fragments);
  });

  it('accounts for the number of datagrams per unit', () => {
    expect(datagramLoss(0, 8)).toBe(0);
    expect(datagramLoss(1 - 0.99 ** 8, 8)).toBeCloseTo(0.01, 10);
    expect(datagramLoss(0.5, 1)).toBe(0.5);
    expect(datagramLoss(1, 8)).toBeLessThan(1);
    expect(datagramLoss(0.5, 0)).toBe(0.5);
  });
});

describe('a receiver', () => {
  it('reports what it opened and what was missing', () => {
    const units = Array.from({ length: 10 }, (_, i) =>
      peer.seal(patternBytes(1000, i), { type: TYPE_DATA, fragmentBytes: 300 }),
    );
    // The fourth is lost.
    for (const [i, datagrams] of units.entries()) {
      if (i !== 3) peer.sendDatagrams(datagrams);
      settle([node]);
      node.nowMs += 60;
    }
    const all = reports();
    expect(all.length).toBeGreaterThanOrEqual(2);
    expect(all.at(-1)).toMatchObject({ index: peer.outgoing.index });
    for (const { sent, opened, datagrams } of all) {
      expect(opened).toBe(sent <= 3 ? sent : sent - 1);
      expect(datagrams).toBe(4 * opened);
    }
  });

  it('sends no report without units, and few while nothing is lost', () => {
    for (let i = 0; i < 100; i++) {
      peer.send(patternBytes(10, i), { type: TYPE_DATA });
      settle([node]);
      node.nowMs += 10;
    }
    expect(reports().length).toBeLessThanOrEqual(4);
    node.nowMs += 5000;
    node.turn();
    expect(reports()).toEqual([]);
  });

  it('reports rarely about probes and control messages', () => {
    for (let i = 0; i < 250; i++) {
      peer.send(patternBytes(10, i), { type: TYPE_CONTROL });
      settle([node]);
      node.nowMs += 100;
    }
    expect(reports().length).toBeLessThanOrEqual(3);
  });
});

describe('a sender', () => {
  it('makes units smaller as they get lost, and larger again when they do not', () => {
    nodeSends(400);
    expect(budget()).toBe(64);
    report({ sent: 100, opened: 90, datagrams: 180 });
    expect(budget()).toBeLessThanOrEqual(8);
    expect(node.report().peers.find(({ peer: id }) => id === peer.id)!.lossRatio).toBeGreaterThan(0.01);
    const budgets: number[] = [];
    for (let sent = 110; sent <= 400; sent += 10) {
      node.nowMs += 500;
      report({ sent, opened: sent - 10, datagrams: 2 * sent - 20 });
      budgets.push(budget());
    }
    expect(budgets).toEqual([...budgets].sort((x, y) => x - y));
    expect(budgets.at(-1)).toBe(64);
    const { lossRatio } = node.report().peers.find(({ peer: id }) => id === peer.id)!;
    expect(lossRatio).toBeLessThan(0.0001);
  });

  it.each<[string, Totals]>([
    ['more than was sent', { sent: 1000, opened: 1000, datagrams: 1000 }],
    ['more opened than sent', { sent: 10, opened: 11, datagrams: 11 }],
    ['fewer datagrams than units', { sent: 10, opened: 10, datagrams: 9 }],
    ['a negative number', { sent: 10, opened: -1, datagrams: 9 }],
    ['no number', { sent: NaN, opened: 1, datagrams: 1 }],
    ['infinity', { sent: 10, opened: 5, datagrams: -Infinity }],
  ])('does not believe a report of %s', (_what, totals) => {
    nodeSends(20);
    const drops = node.dropsDuring(() => report(totals));
    expect(drops).toEqual({ malformedProbe: 1 });
    expect(budget()).toBe(64);
  });

  it('passes a report about another lane on to the thread of that lane, which learns from it', () => {
    nodeSends(20);
    const before = node.events.length;
    report({ sent: 20, opened: 1, datagrams: 1 }, peer.incoming.index, 1);
    const passedOn = node.events.slice(before).find((event) => event.type === 'lossReport');
    expect(passedOn).toEqual({
      type: 'lossReport',
      peer: peer.id,
      report: { lane: 1, index: peer.incoming.index, sent: 20, opened: 1, datagrams: 1 },
    });
    expect(budget()).toBe(64);
    node.command(passedOn as LossReportOfPeer);
    expect(budget()).toBe(4);
  });

  it('ignores a report that is cut off or of another session', () => {
    nodeSends(20);
    const drops = node.dropsDuring(() => {
      peer.send(Uint8Array.of(KIND_REPORT, ...new Uint8Array(30)), { type: TYPE_PROBE });
      settle([node]);
    });
    expect(drops).toEqual({ malformedProbe: 1 });
    report({ sent: 20, opened: 1, datagrams: 1 }, peer.incoming.index ^ 0x10000);
    expect(budget()).toBe(64);
  });

  it('does not learn from fewer units than a sample', () => {
    nodeSends(3);
    report({ sent: 3, opened: 1, datagrams: 1 });
    expect(budget()).toBe(64);
  });

  it('has no estimate for a new peer with the index of a removed one', () => {
    nodeSends(100);
    report({ sent: 100, opened: 50, datagrams: 50 });
    expect(budget()).toBe(4);
    node.command({ type: 'removePeer', peer: peer.id });
    peer = new WirePeer(node, number++);
    nodeSends(20);
    report({ sent: 20, opened: 20, datagrams: 20 });
    expect(budget()).toBe(64);
  });
});
