/**
 * Garbage collections of a forwarding thread under load: almost none, as its loop allocates nothing per
 * packet (`router/allocation.integration.test.ts`). Needs root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { DataPathLab } from './data-path-lab.js';

const SET_UP_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 60_000;
const STREAM_PORT = 7001;
const ECHO_PORT = 7002;
const ECHOES = { bytes: 64, atOnce: 64, quietMs: 3000 };
/** How many times each thread reports while the load is on, once a second each. */
const REPORTS = 5;
/** One allocated object of the smallest size per frame causes about one collection per million frames. */
const SCAVENGES_PER_REPORT = 1;

describe('a router that is flooded', () => {
  const lab = new DataPathLab({ nodeOptions: `--import=${resolve('test/net/collection-witness.mjs')}` });
  beforeAll(() => lab.open(), SET_UP_TIMEOUT_MS);
  afterAll(() => lab.close(), SET_UP_TIMEOUT_MS);

  it(
    'makes almost no garbage in its forwarding thread, and causes no full collection',
    async () => {
      const streams = await lab.startStreams(lab.a, lab.b, STREAM_PORT, 2, '6');
      const echoes = await lab.startEchoes(lab.b, lab.a, ECHO_PORT, ECHOES, '4');
      const [a, b] = await Promise.all([lab.collections('a', REPORTS), lab.collections('b', REPORTS)]);
      await Promise.all([streams.finish(), echoes.finish()]);
      // That of a start is seen, so that this is about something.
      expect(lab.collectionsSoFar('a')).not.toEqual([]);
      for (const collections of [a, b]) {
        expect(collections.filter(({ kind }) => kind !== 'Scavenge')).toEqual([]);
        expect(collections.length).toBeLessThanOrEqual(REPORTS * SCAVENGES_PER_REPORT);
      }
    },
    TEST_TIMEOUT_MS,
  );
});
