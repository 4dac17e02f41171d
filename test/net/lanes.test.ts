/**
 * Routers with several forwarding threads (`--lanes`) on the real kernel: the pods' kernels spread flows over the queues of
 * the TAP, datagrams carry the number of their lane, and the socket of that lane gets them. Needs root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataPathLab } from './data-path-lab.js';

const SET_UP_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 45_000;
const STREAM_PORT = 7001;
const DATAGRAM_PORT = 7011;
/** In each direction and family. That one of four lanes gets none of all 64 happens once in 25 million runs. */
const STREAMS = 16;
const STREAM_BYTES = 512 << 10;
const QUIET_MS = 700;
const ROUNDS = 20;
const SIZES = [1, 100, 1364, 4000, 30_000, 65_487];
const FAMILIES = ['4', '6'] as const;
const UNDERLAY_MTU = 1500;

describe.each([
  { lanes: [2, 2] as const, offload: true },
  { lanes: [4, 4] as const, offload: false },
  { lanes: [1, 4] as const, offload: true },
])('routers with $lanes lanes, underlay offload $offload', ({ lanes, offload }) => {
  const lab = new DataPathLab({ lanes });
  beforeAll(async () => {
    await lab.open();
    await lab.setUnderlayOffload(offload);
  }, SET_UP_TIMEOUT_MS);
  afterAll(() => lab.close(), SET_UP_TIMEOUT_MS);

  it(
    'carry many streams of both families in both directions intact, and all lanes take part',
    async () => {
      await lab.countLanes();
      const transfers = FAMILIES.flatMap((family, i) => [
        lab.streams(lab.a, lab.b, STREAM_PORT + i, STREAMS, STREAM_BYTES, family),
        lab.streams(lab.b, lab.a, STREAM_PORT + i, STREAMS, STREAM_BYTES, family),
      ]);
      // Each router hears of the other while all lanes are busy.
      await lab.settle();
      for (const { sent, received } of await Promise.all(transfers)) {
        expect(received).toEqual(sent);
        expect(received['streams']).toHaveLength(STREAMS);
      }
      const [intoA, intoB] = [await lab.laneCounts('a'), await lab.laneCounts('b')];
      expect(intoB).toHaveLength(lanes[0]);
      expect(intoA).toHaveLength(lanes[1]);
      expect([...intoA, ...intoB].filter((packets) => packets === 0)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'carry datagrams of every size intact in both directions, fragments too',
    async () => {
      const one = (from: 'a' | 'b', to: 'a' | 'b', family: '4' | '6', port: number) =>
        lab.transfer(
          lab[from],
          lab[to],
          ['receive-datagrams', String(port), String(QUIET_MS)],
          (host) => ['send-datagrams', host, String(port), String(ROUNDS), SIZES.join(',')],
          family,
        );
      const transfers = FAMILIES.flatMap((family, i) => [
        one('a', 'b', family, DATAGRAM_PORT + i),
        one('b', 'a', family, DATAGRAM_PORT + i),
      ]);
      for (const { received } of await Promise.all(transfers)) {
        expect(received).toEqual({ right: Object.fromEntries(SIZES.map((size) => [size, ROUNDS])), wrong: 0 });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'have refused no unit of each other',
    async () => {
      expect([await lab.refusals('a'), await lab.refusals('b')]).toEqual([{}, {}]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'find the path MTU: probes up to it are answered, larger ones are not',
    async () => {
      const sizes = [1280, UNDERLAY_MTU + 1, UNDERLAY_MTU, 9000];
      expect(await lab.probe(lab.a, lab.b, sizes)).toEqual([1280, UNDERLAY_MTU]);
      expect(await lab.probe(lab.b, lab.a, sizes)).toEqual([1280, UNDERLAY_MTU]);
    },
    TEST_TIMEOUT_MS,
  );
});
