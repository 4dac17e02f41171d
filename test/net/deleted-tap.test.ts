/** A TAP that is deleted under a running router, which waits for a new one. Needs root and a build. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { DataPathLab } from './data-path-lab.js';

const SET_UP_TIMEOUT_MS = 60_000;
const WATCHED_MS = 1000;
/** In clock ticks. A thread that never sleeps uses 100 in that time. */
const MAX_TICKS = 30;

describe('a router whose TAP is deleted', () => {
  const lab = new DataPathLab();
  beforeAll(() => lab.open(), SET_UP_TIMEOUT_MS);
  afterAll(() => lab.close(), SET_UP_TIMEOUT_MS);

  it('still receives from its peers, and sleeps in between', async () => {
    await lab.a.node.ip('link', 'delete', 'tap0');
    await lab.settle();
    const before = await lab.processorTicks('a');
    await delay(WATCHED_MS);
    expect((await lab.processorTicks('a')) - before).toBeLessThan(MAX_TICKS);
  });
});
