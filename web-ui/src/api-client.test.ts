import { describe, expect, it } from '@jest/globals';
import type { ServerEvents } from '../../common/api.js';
import { nextSnapshot } from './api-client.js';

const kept: ServerEvents['topologySnapshot'] = { revision: 4, topology: { at: 'now', nodes: [], links: [] } };

describe('the topology that the page keeps', () => {
  it('is changed by the next difference', () => {
    const next = nextSnapshot(kept, { revision: 5, difference: { at: ['later'] } });
    expect(next).toEqual({ revision: 5, topology: { ...kept.topology, at: 'later' } });
  });

  it('is asked for anew when a difference is missing, or comes first', () => {
    expect(nextSnapshot(kept, { revision: 6, difference: {} })).toBeNull();
    expect(nextSnapshot(null, { revision: 5, difference: {} })).toBeNull();
  });
});
