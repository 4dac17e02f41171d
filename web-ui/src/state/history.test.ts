import { describe, expect, it } from '@jest/globals';
import { fakeLink, fakeNode, fakeTopology } from '../testing/fake-mesh.js';
import { History, HISTORY_MS } from './history.js';
import { linkKey, meshOf } from './mesh.js';

const nodes = [fakeNode('1'), fakeNode('2')];
const meshAt = (rttMs: number | null) => meshOf(fakeTopology(nodes, [fakeLink('1', '2', { rttMs })]));
const key = linkKey('1', '2');

describe('history of links', () => {
  it('keeps five minutes, oldest first', () => {
    const history = new History();
    for (let second = 0; second <= 600; second += 2) history.record(meshAt(second), second * 1_000);
    const samples = history.of(key, 600_000);
    expect(samples[0]?.atMs).toBe(600_000 - HISTORY_MS);
    expect(samples.at(-1)).toEqual({ atMs: 600_000, rttMs: 600, abBitsPerSecond: 10, baBitsPerSecond: 20 });
    expect(samples).toHaveLength(151);
  });

  it('takes at most one sample in two seconds', () => {
    const history = new History();
    for (let at = 0; at < 10_000; at += 100) history.record(meshAt(1), at);
    expect(history.of(key, 10_000)).toHaveLength(6);
  });

  it('has gaps without a round-trip time, and drops links that left the mesh', () => {
    const history = new History();
    history.record(meshAt(null), 0);
    expect(history.of(key, 0)[0]?.rttMs).toBeNaN();
    history.record(meshOf(fakeTopology(nodes)), 5_000);
    expect(history.of(key, 5_000)).toEqual([]);
  });
});
