import { describe, expect, it } from '@jest/globals';
import { runHerd } from './herd.js';

describe('a herd to one node', () => {
  it('that restarted on a quarter of a core gets links to it, and no link goes down', () => {
    const figures = runHerd(110, 0.25, 1);
    expect(figures).toMatchObject({ eventsLost: 0, linksDown: 0 });
    expect(figures.toldToWait).toBeGreaterThan(0);
    expect(figures.handshakesPerNode).toBeLessThan(1.2);
    expect(figures.allMs).not.toBeNull();
  });
});
