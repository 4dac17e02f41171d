import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../common/address/socket-address.js';
import { Counters } from './counters.js';
import { HandshakeOutcomes } from './handshake-outcomes.js';
import type { HandshakeOutcomesDeps } from './handshake-outcomes.js';
import { MAX_NOTICES_PER_INTERVAL } from './limits.js';
import { Notices } from './notices.js';
import type { Notice } from './notices.js';
import { RefusedSources } from './handshake/refused-sources.js';

describe('notices of refused handshakes', () => {
  it('are few, and hide no others, whatever the sender writes into them', () => {
    const said: Notice[] = [];
    const notices = new Notices((notice) => said.push(notice));
    const deps = { counters: new Counters(), notices, refusedSources: new RefusedSources() };
    const outcomes = new HandshakeOutcomes(deps as unknown as HandshakeOutcomesDeps);
    const origin = { from: parseSocketAddress('192.0.2.1:6785'), local: null };
    for (let version = 0; version < 10_000; version++) {
      const detail = `the peer speaks protocol version ${version}, this node 2`;
      outcomes.apply({ type: 'refused', reason: 'otherVersion', reply: null, detail }, origin, version);
    }
    expect(said).toHaveLength(MAX_NOTICES_PER_INTERVAL);
    notices.write('error', 'cloned identity', 10_000);
    expect(said.at(-1)?.message).toBe('cloned identity');
  });
});
