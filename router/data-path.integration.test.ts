import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UDP_MAX_SEGMENTS } from './kernel/linux-abi.js';
import { anyFrame, patternBytes, stream } from './testing/frame-arbitraries.js';
import type { FrameSpec } from './testing/frame-builder.js';
import { buildRecord } from './testing/frame-builder.js';
import { endsOf, exchange, expectedFrames, framesOnTheWire, hex } from './testing/exchange.js';
import type { LinkOptions, TestNodeOptions } from './testing/test-node.js';
import { link, TestNode } from './testing/test-node.js';

const MTUS = [576, 1280, 1400, 1500, 4000, 9000];
const limits = { maxPayloadBytes: 8900, maxSuperBytes: 61000 };

interface Pair {
  readonly a: TestNode;
  readonly b: TestNode;
}

/** Two linked nodes for the tests of one block. */
function usePair(options: Omit<TestNodeOptions, 'number'> = {}, linkOptions: LinkOptions = {}): () => Pair {
  let pair: Pair | undefined;
  beforeAll(() => {
    pair = { a: new TestNode({ number: 1, ...options }), b: new TestNode({ number: 2, ...options }) };
    link(pair.a, pair.b, linkOptions);
  });
  afterAll(() => {
    pair?.a.close();
    pair?.b.close();
  });
  return () => pair!;
}

function setCut({ a, b }: Pair, mtuBytes: number, fragmentBudget: number): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.command({ type: 'path', path: { peer: to.id, endpoint: to.address, mtuBytes } });
    from.forwarder.peers.setFragmentBudget(from.forwarder.peers.find(to.id), fragmentBudget);
  }
}

const family = fc.constantFrom('4' as const, '6' as const);
const cut = fc.record({
  mtuBytes: fc.oneof(fc.constantFrom(...MTUS), fc.integer({ min: 576, max: 9000 })),
  fragmentBudget: fc.integer({ min: 1, max: 45 }),
});

/** What is never cut by us and larger than the 64 datagrams of a unit: it cannot pass (`frameTooLarge`). */
function isTooLarge(spec: FrameSpec, mtuBytes: number): boolean {
  const sliced = spec.offload === 'segmentation' && (spec.source.length === 4 || spec.ipOptionBytes === 0);
  return !sliced && spec.payload.length + 300 > UDP_MAX_SEGMENTS * (mtuBytes - 60);
}

function expectCarried(pair: Pair, specs: readonly FrameSpec[], backwards = false): void {
  const [from, to] = backwards ? [pair.b, pair.a] : [pair.a, pair.b];
  const records = specs.map(buildRecord);
  const expected = expectedFrames(records);
  const received = exchange(from, to, records, { expectedFrames: expected.length });
  expect(hex(framesOnTheWire(received))).toEqual(hex(expected));
}

function expectNoDrops({ a, b }: Pair): void {
  expect([a.drops(), b.drops()]).toEqual([{}, {}]);
}

const offloads: [string, Omit<TestNodeOptions, 'number'>][] = [
  ['everything offloaded', {}],
  ['no GRO on the underlay', { gro: false }],
  ['no GSO on the underlay', { gso: false, gro: false }],
  ['no USO towards the pods', { uso: false }],
];

describe.each(offloads)('frames between two nodes, %s', (_what, options) => {
  const pair = usePair(options);

  it.each(['a to b', 'b to a'])('arrive bit for bit and in order over any path MTU and cut: %s', (direction) => {
    const mixed = fc.array(
      family.chain((f) => anyFrame(endsOf(pair().a, pair().b, f), limits)),
      { minLength: 1, maxLength: 10 },
    );
    const backwards = direction === 'b to a';
    const ends = (f: '4' | '6') => (backwards ? endsOf(pair().b, pair().a, f) : endsOf(pair().a, pair().b, f));
    fc.assert(
      fc.property(mixed, cut, (specs, { mtuBytes, fragmentBudget }) => {
        setCut(pair(), mtuBytes, fragmentBudget);
        const turned = specs.map((spec) => ({ ...spec, ...ends(spec.source.length === 4 ? '4' : '6') }));
        expectCarried(
          pair(),
          turned.filter((spec) => !isTooLarge(spec, mtuBytes)),
          backwards,
        );
      }),
      { numRuns: 40 },
    );
    expectNoDrops(pair());
  });

  it('of one stream are coalesced without a change', () => {
    const streams = family.chain((f) => stream(endsOf(pair().a, pair().b, f), 40));
    fc.assert(
      fc.property(streams, cut, (specs, { mtuBytes, fragmentBudget }) => {
        setCut(pair(), mtuBytes, fragmentBudget);
        expectCarried(pair(), specs);
      }),
      { numRuns: 25 },
    );
    expectNoDrops(pair());
  });
});

describe.each(['aes-256-gcm', 'chacha20-poly1305'] as const)('frames sealed with %s', (cipher) => {
  const pair = usePair({}, { cipher });

  it('of every size from the smallest to the largest arrive over every path', () => {
    const [base] = fc.sample(anyFrame(endsOf(pair().a, pair().b, '4'), { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const plain = { ...base!, ipOptionBytes: 0, offload: 'none' as const, fragment: 0 };
    const udp: FrameSpec = { ...plain, transport: { kind: 'udp' } };
    const superFrame: FrameSpec = { ...udp, offload: 'segmentation', gsoBytes: 1000 };
    for (const mtuBytes of MTUS) {
      setCut(pair(), mtuBytes, 45);
      const fragment = pair().a.forwarder.peers.fragmentBytes[1]!;
      // Around every place where one datagram more is needed, and where a unit is full.
      const edges = [
        18,
        fragment - 80,
        fragment - 72,
        fragment - 64,
        2 * fragment - 80,
        3 * fragment,
        8 * fragment,
      ].flatMap((edge) => Array.from({ length: 12 }, (_, i) => edge + i));
      const sizes = [...edges, 20_000, 30_000].filter((size) => size < 64 * fragment - 300 && size < 60_000);
      expectCarried(
        pair(),
        sizes.map((size) => ({ ...udp, payload: patternBytes(size, size) })),
      );
      const large = [16_000, 40_000, 61_000].map((size) => ({ ...superFrame, payload: patternBytes(size, size) }));
      expectCarried(pair(), large);
    }
    expectNoDrops(pair());
  });
});

describe('the largest frames', () => {
  const pair = usePair();

  it('with IPv6 extension headers, which are not sliced, pass over usual paths', () => {
    const ends = endsOf(pair().a, pair().b, '6');
    const [base] = fc.sample(anyFrame(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const fields = { kind: 'tcp' as const, sequence: 1, acknowledgement: 2, flags: 0x10, window: 9, urgent: 0 };
    const transport = { ...fields, options: new Uint8Array(12).fill(1) };
    const offload = 'segmentation' as const;
    for (const mtuBytes of [1280, 1500, 9000]) {
      setCut(pair(), mtuBytes, 45);
      for (const payloadBytes of [60_000, 64_500, 65_000]) {
        const payload = patternBytes(payloadBytes, 1);
        expectCarried(pair(), [{ ...base!, ipOptionBytes: 8, transport, offload, gsoBytes: 1200, payload }]);
      }
    }
    expectNoDrops(pair());
  });

  it('that exceed a unit are dropped and counted, and the next frame passes', () => {
    const ends = endsOf(pair().a, pair().b, '4');
    const [base] = fc.sample(anyFrame(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const opaque = { kind: 'opaque' as const, protocol: 47 };
    const plain: FrameSpec = { ...base!, ipOptionBytes: 0, offload: 'none', fragment: 0, transport: opaque };
    setCut(pair(), 576, 45);
    const drops = pair().a.dropsDuring(() => {
      pair().a.tap.send(buildRecord({ ...plain, payload: patternBytes(34_500, 1) }));
      expectCarried(pair(), [{ ...plain, payload: patternBytes(30_000, 2) }]);
    });
    expect(drops).toEqual({ frameTooLarge: 1 });
  });
});

describe('the node', () => {
  const pair = usePair();

  it('gets frames from its next hop, whatever Ethernet addresses the peer gave them', () => {
    const specs = [5, 6, 7, 7, 5].flatMap((host) =>
      (['4', '6'] as const).map((f) => fc.sample(anyFrame(endsOf(pair().a, pair().b, f, host), limits), 1)[0]!),
    );
    const multicast = Uint8Array.of(3, 9, 9, 9, 9, 9);
    expectCarried(
      pair(),
      specs.map((spec) => ({ ...spec, sourceMac: multicast })),
    );
    expectNoDrops(pair());
  });

  it('gets frames to addresses of its pod CIDR that no pod has, to answer them', () => {
    const ends = endsOf(pair().a, pair().b, '4', 99);
    expectCarried(pair(), [fc.sample(anyFrame(ends, limits), 1)[0]!]);
    expectNoDrops(pair());
  });
});
