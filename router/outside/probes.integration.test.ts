import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ForwarderEvent } from '../forwarder-messages.js';
import { settle } from '../testing/exchange.js';
import { TYPE_PROBE } from '../../common/wire/datagram-header.js';
import { link, TestNode } from '../testing/test-node.js';
import { WirePeer } from '../testing/wire-peer.js';

let a: TestNode;
let b: TestNode;
let far: WirePeer;
beforeAll(() => {
  a = new TestNode({ number: 1 });
  b = new TestNode({ number: 2 });
  link(a, b);
  far = new WirePeer(a, 3);
});
beforeEach(() => {
  a.events.length = b.events.length = 0;
});
afterAll(() => {
  far.close();
  a.close();
  b.close();
});

function answers(): (ForwarderEvent & { type: 'probeAnswer' })[] {
  return a.events.filter((event) => event.type === 'probeAnswer');
}

describe('a probe', () => {
  it('is answered by the other router with the observed address, without its agent', () => {
    a.nowMs = 5000;
    a.command({ type: 'probe', peer: b.id, probeId: 77, sizeBytes: 1280 });
    b.turn();
    a.nowMs = 5003.5;
    settle([a, b]);
    const expected = { type: 'probeAnswer', peer: b.id, probeId: 77, sizeBytes: 1280, roundTripUs: 3500 };
    expect(answers()).toEqual([{ ...expected, observed: a.address }]);
    expect(b.events.filter(({ type }) => type !== 'sessionConfirmed')).toEqual([]);
  });

  it.each([[1280], [1281], [1500], [9000], [65_000]])('of %d bytes is an IP packet of that size', (sizeBytes) => {
    a.command({ type: 'probe', peer: far.id, probeId: 1, sizeBytes });
    far.socket.wait();
    const [datagram] = far.socket.receiveAll();
    expect(datagram!.length + 28).toBe(sizeBytes);
    expect(datagram!.subarray(0, 4)).toEqual(Uint8Array.of(TYPE_PROBE, 0, 0, 1));
  });

  it('has at least the size of the smallest probe', () => {
    a.command({ type: 'probe', peer: far.id, probeId: 1, sizeBytes: 0 });
    far.socket.wait();
    const [unit] = far.units();
    expect(unit!.plain).toHaveLength(40);
    expect(Buffer.from(unit!.plain).readUInt16BE(16)).toBe(40 + 16 + 16 + 28);
  });

  it('is counted when there is no session or no endpoint', () => {
    const drops = a.dropsDuring(() => {
      a.command({ type: 'probe', peer: '99'.repeat(16) as never, probeId: 1, sizeBytes: 1280 });
    });
    expect(drops).toEqual({ noSession: 1 });
  });

  it.each([
    ['from the future', 1e12],
    ['from long ago', -70e6],
    ['from no time at all', NaN],
  ])('answered %s is none', (_what, sentUs) => {
    a.nowMs = 1000;
    const answer = Buffer.alloc(40);
    answer[0] = 1;
    answer.writeDoubleBE(sentUs, 8);
    const drops = a.dropsDuring(() => {
      far.send(answer, { type: TYPE_PROBE });
      settle([a]);
    });
    expect(drops).toEqual({ malformedProbe: 1 });
    expect(answers()).toEqual([]);
  });
});
