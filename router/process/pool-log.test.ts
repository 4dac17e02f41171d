import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../common/log.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { PoolLog } from './pool-log.js';

describe('the log of exhausted pools', () => {
  it('warns once of each pool, with its name, its size and the effect', () => {
    const lines: object[] = [];
    const log = Object.assign(silentLogger(), { warn: (fields: object) => lines.push(fields) });
    const pools = new PoolLog(log);
    pools.note({});
    pools.note({ peers: 3 });
    pools.note({ peers: 9, expandedKeys: 1 });
    pools.note({ peers: 10, expandedKeys: 1 });
    expect(lines).toEqual([
      { pool: 'peers', size: MAX_PEERS, effect: expect.stringContaining('noRoute'), refusals: 3 },
      { pool: 'expandedKeys', size: 4 * MAX_PEERS, effect: expect.stringContaining('OpenSSL'), refusals: 1 },
    ]);
  });
});
