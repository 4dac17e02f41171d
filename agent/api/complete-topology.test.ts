import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { COMPLETE_WITHIN_MS, topologyCompletes } from './complete-topology.js';
import { FakeSource } from './testing/fake-source.js';

function waitOf(source: FakeSource) {
  const clock = new VirtualClock();
  const seen = { completed: false };
  const wait = topologyCompletes(source, clock).then(() => void (seen.completed = true));
  return { clock, seen, wait };
}

describe('topologyCompletes', () => {
  it('waits for the last report, and leaves the source', async () => {
    const source = new FakeSource();
    source.isComplete = false;
    const { seen, wait } = waitOf(source);
    source.announce();
    await Promise.resolve();
    expect(seen.completed).toBe(false);
    source.isComplete = true;
    source.announce();
    await wait;
    expect(source.listeners.size).toBe(0);
  });

  it('waits no longer than a second', async () => {
    const source = new FakeSource();
    source.isComplete = false;
    const { clock, wait } = waitOf(source);
    clock.advance(COMPLETE_WITHIN_MS);
    await wait;
    expect(source.listeners.size).toBe(0);
  });

  it('does not wait for a complete topology', async () => {
    await waitOf(new FakeSource()).wait;
  });
});
