import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { TYPE_INITIATION } from '../../common/wire/datagram-header.js';
import { CalledAddresses } from './called-addresses.js';

const TYPE_RESPONSE = TYPE_INITIATION + 1;
const caller = parseSocketAddress('192.0.2.1', 6785);
const local = Uint8Array.of(198, 51, 100, 7);

describe('CalledAddresses', () => {
  it('gives responses the address that was called', () => {
    const called = new CalledAddresses();
    called.note(caller, local);
    expect(called.sourceFor(caller, TYPE_RESPONSE)).toBe(local);
    expect(called.sourceFor(caller, TYPE_RESPONSE)).toBe(local);
    expect(called.sourceFor(parseSocketAddress('192.0.2.1', 6786), TYPE_RESPONSE)).toBeNull();
  });

  it('gives every other initiation the address of the route', () => {
    const called = new CalledAddresses();
    called.note(caller, local);
    const sources = [0, 1, 2].map(() => called.sourceFor(caller, TYPE_INITIATION));
    expect(sources).toEqual([local, null, local]);
  });

  it('forgets an address that the kernel refuses', () => {
    const called = new CalledAddresses();
    called.note(caller, local);
    called.forget(caller);
    expect(called.sourceFor(caller, TYPE_RESPONSE)).toBeNull();
  });

  it('keeps the 1024 callers heard last', () => {
    const called = new CalledAddresses();
    called.note(caller, local);
    for (let port = 1; port <= 1024; port++) called.note(parseSocketAddress('192.0.2.2', port), local);
    expect(called.of(caller)).toBeNull();
    expect(called.of(parseSocketAddress('192.0.2.2', 1))).toBe(local);
  });
});
