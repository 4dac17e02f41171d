import { describe, expect, it } from '@jest/globals';
import { CONTROL_TYPES } from '../../mesh/wire/control-message.js';
import { DATAGRAM_TYPES } from '../../mesh/wire/datagram-header.js';
import {
  TYPE_CONTROL,
  TYPE_COOKIE,
  TYPE_DATA,
  TYPE_HANDSHAKE_1,
  TYPE_HANDSHAKE_2,
  TYPE_HANDSHAKE_3,
  TYPE_PROBE,
} from '../../common/wire/datagram.js';

/** Numbers that nodes of other versions send. A list may grow at its end; a number never changes or means something else. */
describe('type lists on the wire are append-only', () => {
  it('datagrams', () => {
    const router = [
      TYPE_HANDSHAKE_1,
      TYPE_HANDSHAKE_2,
      TYPE_HANDSHAKE_3,
      TYPE_COOKIE,
      TYPE_DATA,
      TYPE_CONTROL,
      TYPE_PROBE,
    ];
    expect(router).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('datagrams of the handshake, the same in the mesh as in the router', () => {
    expect(DATAGRAM_TYPES).toMatchObject({
      initiation: TYPE_HANDSHAKE_1,
      response: TYPE_HANDSHAKE_2,
      confirmation: TYPE_HANDSHAKE_3,
      cookie: TYPE_COOKIE,
    });
  });

  it('control messages', () => {
    const released = { adverts: 1, digest: 2, pull: 3, goodbye: 4, linksQuery: 5, links: 6 };
    expect(CONTROL_TYPES).toMatchObject(released);
    const numbers = Object.values(CONTROL_TYPES);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
