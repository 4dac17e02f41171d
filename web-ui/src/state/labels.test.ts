import { describe, expect, it } from '@jest/globals';
import { labelsOf, shortenMiddle } from './labels.js';

describe('labels of nodes', () => {
  it('drops what all names begin and end with, and stays distinct for 300 names of EC2', () => {
    const names = Array.from({ length: 300 }, (_, i) => {
      return `ip-10-0-${i % 7}-${Math.floor(i / 7) + 10}.eu-west-1.compute.internal`;
    });
    const labels = labelsOf(names);
    expect(labels.get('ip-10-0-0-10.eu-west-1.compute.internal')).toBe('0-10');
    expect(new Set([...labels.values()].map((label) => shortenMiddle(label, 13))).size).toBe(300);
  });

  it('leaves short names, and a single one, whole', () => {
    expect([...labelsOf(['node-1', 'node-2']).values()]).toEqual(['node-1', 'node-2']);
    expect([...labelsOf(['a-single-node-with-a-long-name']).values()]).toEqual(['a-single-node-with-a-long-name']);
  });

  it('never leaves a label empty', () => {
    expect([...labelsOf(['worker-of-cluster', 'worker-of-cluster-b']).values()].every((label) => label !== '')).toBe(
      true,
    );
  });

  it('keeps both ends of a text that does not fit', () => {
    expect(shortenMiddle('abcdefghijklmnop', 9)).toBe('abcd…mnop');
    expect(shortenMiddle('abc', 9)).toBe('abc');
  });
});
