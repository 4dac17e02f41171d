import { describe, expect, it } from '@jest/globals';
import { Counters } from './counters.js';

describe('the counters of the core', () => {
  it('count each refused handshake message under its reason', () => {
    const counters = new Counters();
    counters.countHandshake('badMac');
    counters.countHandshake('badMac');
    counters.count('unknownPeer');
    expect(counters.all()).toEqual({ handshakeBadMac: 2, unknownPeer: 1 });
  });
});
