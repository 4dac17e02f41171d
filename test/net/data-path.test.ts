/**
 * The router alone on the real kernel (`data-path-lab.ts`): packets of all sizes arrive unchanged in the other pod, with
 * and without offloads, through loss and under garbage. Needs root, tcpdump and a build.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { listSocketDrops } from '../../agent/host-network/udp-sockets.js';
import { Capture } from './capture.js';
import { DataPathLab, PORT } from './data-path-lab.js';

const SET_UP_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 45_000;
const STREAM_BYTES = 24 << 20;
const LOSSY_STREAM_BYTES = 3 << 20;
const STREAM_PORT = 7001;
const DATAGRAM_PORT = 7002;
const QUIET_MS = 700;
const ROUNDS = 3;
/** Captured bytes where only the frame's length is needed. */
const SNAP_BYTES = 64;
const GARBAGE_DATAGRAMS = 20_000;
/** The largest payloads that UDP has over each family. */
const MAX_UDP_BYTES = { 4: 65_507, 6: 65_487 } as const;
const FAMILIES = ['4', '6'] as const;

const lab = new DataPathLab();
beforeAll(() => lab.open(), SET_UP_TIMEOUT_MS);
afterAll(() => lab.close(), SET_UP_TIMEOUT_MS);

/** Both directions at once. */
async function expectStreamsIntact(family: '4' | '6', bytes: number): Promise<void> {
  const directions = await Promise.all([
    lab.streams(lab.a, lab.b, STREAM_PORT, 1, bytes, family),
    lab.streams(lab.b, lab.a, STREAM_PORT, 1, bytes, family),
  ]);
  for (const { sent, received } of directions) {
    expect(received).toEqual(sent);
    expect(received['streams']).toEqual([expect.objectContaining({ bytes })]);
  }
}

/** Sizes around the limits of a packet, a datagram and a unit, and the largest of UDP. */
function sizesFor(family: '4' | '6', podMtu: number): number[] {
  const whole = podMtu - (family === '4' ? 28 : 48);
  return [1, 4, 18, 100, whole - 1, whole, whole + 1, 2 * whole, 4000, 9000, 30_000, MAX_UDP_BYTES[family]];
}

async function sendDatagrams(family: '4' | '6', sizes: readonly number[]) {
  return lab.transfer(
    lab.a,
    lab.b,
    ['receive-datagrams', String(DATAGRAM_PORT), String(QUIET_MS)],
    (host) => ['send-datagrams', host, String(DATAGRAM_PORT), String(ROUNDS), sizes.join(',')],
    family,
  );
}

async function expectDatagramsIntact(family: '4' | '6', podMtu: number): Promise<void> {
  const sizes = sizesFor(family, podMtu);
  const { received } = await sendDatagrams(family, sizes);
  expect(received).toEqual({ right: Object.fromEntries(sizes.map((size) => [size, ROUNDS])), wrong: 0 });
}

/** UDP super-frames, which the pod's kernel does not cut. */
async function expectGsoIntact(family: '4' | '6', segments: readonly number[]): Promise<void> {
  const [rounds, most] = [5, 60];
  const { received } = await lab.transfer(
    lab.a,
    lab.b,
    ['receive-datagrams', String(DATAGRAM_PORT), String(QUIET_MS)],
    (host) => ['send-gso', host, String(DATAGRAM_PORT), String(rounds), segments.join(), String(most)],
    family,
  );
  const right: Record<number, number> = {};
  const expectOf = (length: number, count: number) => (right[length] = (right[length] ?? 0) + rounds * count);
  for (const segment of segments) {
    expectOf(segment, Math.min(most, Math.floor(60_000 / segment)));
    if (segment > 1) expectOf(Math.floor(segment / 2), 1);
  }
  expect(received).toEqual({ right, wrong: 0 });
}

describe.each([
  { underlay: 1500, pods: 1392, offload: true },
  { underlay: 1500, pods: 1392, offload: false },
  { underlay: 9000, pods: 8892, offload: true },
  { underlay: 1280, pods: 1280, offload: false },
  { underlay: 1500, pods: 9000, offload: true },
])('an underlay of $underlay bytes, pods of $pods, underlay offload $offload', ({ underlay, pods, offload }) => {
  beforeAll(async () => {
    await lab.setUnderlayOffload(offload);
    await lab.setMtus(underlay, pods);
  }, SET_UP_TIMEOUT_MS);

  it.each(FAMILIES)(
    'carries streams in both directions intact, IPv%s',
    (f) => expectStreamsIntact(f, STREAM_BYTES),
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'carries datagrams of every size intact, fragments too, IPv%s',
    (f) => expectDatagramsIntact(f, pods),
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'carries UDP super-frames intact, IPv%s',
    (family) => expectGsoIntact(family, [1, 8, 15, 16, 100, pods - 48]),
    TEST_TIMEOUT_MS,
  );
});

describe('frames of every kind', () => {
  const ETHERNET_ADDRESSES_BYTES = 12;
  /** Echo requests from pod a to pod b, and their fragments. */
  const filters = {
    4: () => `src host ${lab.address(lab.a, '4')} and dst host ${lab.address(lab.b, '4')} and ip proto 1`,
    6: () =>
      `src host ${lab.address(lab.a, '6')} and dst host ${lab.address(lab.b, '6')} and (ip6[6] == 44 or ip6[40] == 128)`,
  };

  it.each<[string, '4' | '6', number, readonly string[]]>([
    ['small, with ECN and a short life', '4', 1, ['-s', '1', '-Q', '3', '-t', '3']],
    ['as large as a packet', '4', 1, ['-s', '1364', '-M', 'do']],
    ['with IPv4 options', '4', 1, ['-s', '50', '-R']],
    ['in fragments', '4', 3, ['-s', '4000', '-Q', '0xb9']],
    ['in as many fragments as there may be', '4', 48, ['-s', '65507']],
    ['small, with ECN and a short life', '6', 1, ['-s', '1', '-Q', '3', '-t', '3']],
    ['with a flow label', '6', 1, ['-s', '900', '-F', '0xabcde']],
    ['in fragments', '6', 3, ['-s', '4000', '-Q', '0xb9']],
    ['in as many fragments as there may be', '6', 49, ['-s', '65000']],
  ])(
    'leave the far TAP as they entered the near one: %s, IPv%s',
    async (_what, family, frames, options) => {
      await lab.setMtus(1500, 1392);
      const near = await Capture.start(lab.a.node, 'tap0', filters[family]());
      const far = await Capture.start(lab.b.node, 'tap0', filters[family]());
      await lab.a.pod.run('ping', ['-n', '-c', '3', '-i', '0.05', '-w', '5', ...options, lab.address(lab.b, family)]);
      const [sent, received] = [await near.stop(), await far.stop()];
      const hex = (captured: readonly Buffer[]) =>
        captured.map((frame) => frame.subarray(ETHERNET_ADDRESSES_BYTES).toString('hex'));
      expect(sent).toHaveLength(3 * frames);
      expect(hex(received)).toEqual(hex(sent));
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'travel one by one where the underlay has no offload, which the tests above rely on',
    async () => {
      await lab.setUnderlayOffload(false);
      const capture = await Capture.start(lab.b.node, 'und0', `udp and dst host ${lab.b.underlayIp}`, SNAP_BYTES);
      await expectStreamsIntact('4', 1 << 20);
      const lengths = await capture.stopForLengths();
      expect(lengths.length).toBeGreaterThan(600);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(1514);
      await lab.setUnderlayOffload(true);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'never cross the underlay in the clear',
    async () => {
      const capture = await Capture.start(lab.b.node, 'und0', '');
      const [size, rounds] = [1000, 3];
      const { received } = await sendDatagrams('4', [size]);
      expect(received).toEqual({ right: { [size]: rounds }, wrong: 0 });
      const frames = await capture.stop();
      const address = Buffer.from([10, 50, 1, 5]);
      const clear = frames.filter((frame) => frame.includes(address));
      // However they were packed, they went by here.
      expect(frames.reduce((bytes, frame) => bytes + frame.length, 0)).toBeGreaterThan(rounds * size);
      expect(clear).toEqual([]);
      expect(frames.filter((frame) => frame.readUInt16BE(12) === 0x0800 && frame[23] !== 17)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('an underlay that loses one datagram in a hundred', () => {
  beforeAll(async () => {
    await lab.setUnderlayOffload(false);
    await lab.setMtus(1500, 1392);
    await lab.setLoss(100);
  }, SET_UP_TIMEOUT_MS);
  afterEach(() => lab.setLoss(0));

  it.each(FAMILIES)(
    'delays streams, but they arrive intact, IPv%s',
    async (family) => {
      await lab.setLoss(100);
      await expectStreamsIntact(family, LOSSY_STREAM_BYTES);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'loses whole datagrams and damages none',
    async () => {
      await lab.setLoss(10);
      const { received, sent } = await sendDatagrams(
        '4',
        Array.from({ length: 200 }, (_, i) => 100 + i * 11),
      );
      const right = Object.values(received['right'] as Record<string, number>).reduce((sum, n) => sum + n, 0);
      expect(received['wrong']).toBe(0);
      expect(right).toBeLessThan(sent['sent'] as number);
      expect(right).toBeGreaterThan((sent['sent'] as number) / 2);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('a flood of garbage on the port', () => {
  it(
    'does not slow or damage streams that are running',
    async () => {
      await lab.setUnderlayOffload(true);
      await lab.setMtus(1500, 1392);
      const flood = lab.b.node.run(process.execPath, [
        resolve('test/net/garbage.mjs'),
        lab.a.underlayIp,
        String(PORT),
        String(GARBAGE_DATAGRAMS),
      ]);
      await expectStreamsIntact('4', STREAM_BYTES);
      await flood;
      await lab.settle();
      const { datagramUnknownType = 0, unknownSession = 0 } = lab.drops('a');
      const { socketQueueFull = 0 } = await listSocketDrops(lab.a.node, PORT);
      const dropped = datagramUnknownType + unknownSession;
      expect(dropped).toBeGreaterThan(GARBAGE_DATAGRAMS / 100);
      // The kernel drops what comes faster than the router reads it.
      expect(dropped + socketQueueFull).toBeGreaterThan(GARBAGE_DATAGRAMS / 10);
    },
    TEST_TIMEOUT_MS,
  );
});
