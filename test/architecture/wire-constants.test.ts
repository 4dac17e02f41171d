import { describe, expect, it } from '@jest/globals';
import * as header from '../../common/wire/datagram-header.js';
import { DATAGRAM_TYPE_NAMES } from '../../common/wire/datagram-header.js';
import { KIND_ANSWER, KIND_LOSS_REPORT, KIND_PROBE } from '../../common/wire/probe-unit.js';
import { CONTROL_TYPES } from '../../mesh/wire/control-message.js';

/** Numbers that nodes of other versions send. A list may grow at its end; the meaning of a number never changes. */
describe('type lists on the wire are append-only', () => {
  it('datagrams', () => {
    const released = ['none', 'initiation', 'response', 'confirmation', 'cookie', 'data', 'control', 'probe', 'relay'];
    expect(DATAGRAM_TYPE_NAMES.slice(0, released.length)).toEqual(released);
    const numbers = DATAGRAM_TYPE_NAMES.slice(1).map(
      (name) => header[`TYPE_${name.toUpperCase()}` as keyof typeof header],
    );
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('probe units', () => {
    expect([KIND_PROBE, KIND_ANSWER, KIND_LOSS_REPORT]).toEqual([0, 1, 2]);
  });

  it('control messages', () => {
    const released = { adverts: 1, digest: 2, pull: 3, goodbye: 4, linksQuery: 5, links: 6, revocations: 7 };
    expect(CONTROL_TYPES).toMatchObject(released);
    const numbers = Object.values(CONTROL_TYPES);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
