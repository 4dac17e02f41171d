import { describe, expect, it } from '@jest/globals';
import type { CipherName } from '../../common/router-port.js';
import { DATAGRAM_HEADER_BYTES, TYPE_CONTROL, TYPE_PROBE } from '../../common/wire/datagram-header.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { openUnit, ReferenceReassembly, sealUnit } from './reference-wire.js';
import type { SealedUnit, WireKey } from './reference-wire.js';

const FRAGMENT_BYTES = 100;
const KEY: WireKey = { cipher: 'aes-256-gcm', baseKey: new Uint8Array(32).fill(5), index: 0xfeed0007 };

function plainOf(sealedBytes: number): Uint8Array {
  return Uint8Array.from({ length: sealedBytes - TAG_BYTES }, (_, i) => i);
}

function cut(sealedBytes: number, counter = 9, key = KEY): Uint8Array[] {
  return sealUnit(key, counter, plainOf(sealedBytes), { type: TYPE_CONTROL, fragmentBytes: FRAGMENT_BYTES });
}

function reassembled(
  datagrams: readonly Uint8Array[],
  reassembly = new ReferenceReassembly(64),
): (SealedUnit | null)[] {
  return datagrams.map((datagram) => reassembly.add(datagram));
}

function unitOf(datagrams: readonly Uint8Array[]): SealedUnit {
  return reassembled(datagrams).at(-1)!;
}

describe('the reference codec', () => {
  it('cuts a unit as the wire says', () => {
    const [first, , last] = cut(250);
    const header = [6, 0, 0, 3, 0xfe, 0xed, 0, 7, 0, 250, 0, 0, 0, 0, 0, 9];
    expect([...first!.subarray(0, DATAGRAM_HEADER_BYTES)]).toEqual(header);
    expect(first!.length).toBe(DATAGRAM_HEADER_BYTES + FRAGMENT_BYTES);
    expect([...last!.subarray(0, 4)]).toEqual([6, 0, 2, 3]);
    expect(last!.length).toBe(DATAGRAM_HEADER_BYTES + 50);
  });

  it.each([[[0, 1, 2]], [[2, 0, 1]], [[1, 2, 0]]])('reassembles fragments that arrive as %j', (order) => {
    const datagrams = cut(250);
    const results = reassembled(order.map((fragment) => datagrams[fragment]!));
    expect(results.slice(0, 2)).toEqual([null, null]);
    expect(openUnit(KEY, results[2]!)?.plain).toEqual(plainOf(250));
  });

  it('keeps units apart and takes a fragment once', () => {
    const [a0, a1] = cut(150, 1);
    const [b0, b1] = cut(150, 2);
    const results = reassembled([a0!, b1!, a0!, a1!, b0!]);
    expect(results.map((unit) => unit?.counter ?? null)).toEqual([null, null, null, 1, 2]);
  });

  it('drops the oldest of too many incomplete units', () => {
    const reassembly = new ReferenceReassembly(64);
    const units = Array.from({ length: 65 }, (_, counter) => cut(150, counter));
    for (const [first] of units) reassembly.add(first!);
    expect(reassembly.add(units[0]![1]!)).toBeNull();
    expect(reassembly.add(units[64]![1]!)?.counter).toBe(64);
  });

  it('refuses what is no fragment', () => {
    const [datagram] = cut(90);
    const wrong = [
      new Uint8Array(3),
      new Uint8Array(16),
      datagram!.with(0, 4),
      datagram!.with(2, 1),
      datagram!.with(9, 91),
    ];
    expect(reassembled(wrong)).toEqual([null, null, null, null, null]);
  });
});

describe.each<CipherName>(['aes-256-gcm', 'chacha20-poly1305'])('a unit sealed with %s', (cipher) => {
  const key = { ...KEY, cipher };
  const unit = unitOf(cut(300, 2 ** 40 + 7, key));

  it('opens with its key', () => {
    expect(openUnit({ ...key, baseKey: key.baseKey.slice() }, unit)?.plain).toEqual(plainOf(300));
  });

  it('binds type, lane, counter and number of fragments', () => {
    expect(openUnit(key, { ...unit, type: TYPE_PROBE })).toBeNull();
    expect(openUnit(key, { ...unit, lane: 1 })).toBeNull();
    expect(openUnit(key, { ...unit, counter: unit.counter - 1 })).toBeNull();
    expect(openUnit(key, { ...unit, fragments: 2 })).toBeNull();
  });

  it('does not open with another key, or when a byte was changed', () => {
    expect(openUnit({ ...key, baseKey: key.baseKey.map((byte) => byte + 1) }, unit)).toBeNull();
    expect(openUnit(key, { ...unit, sealed: unit.sealed.with(0, unit.sealed[0]! ^ 1) })).toBeNull();
  });
});
