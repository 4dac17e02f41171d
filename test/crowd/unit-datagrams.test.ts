import { describe, expect, it } from '@jest/globals';
import { HEADER_BYTES, TYPE_CONTROL } from '../../common/wire/datagram.js';
import { fragmentBytesFor, fragmentsFor, cutUnit, UnitGatherer } from './unit-datagrams.js';
import type { SealedUnit } from './unit-datagrams.js';

const FRAGMENT_BYTES = 100;

function unitOf(sealedBytes: number, counter = 9): SealedUnit {
  const sealed = Uint8Array.from({ length: sealedBytes }, (_, i) => i);
  return { type: TYPE_CONTROL, counter, fragments: Math.ceil(sealedBytes / FRAGMENT_BYTES), index: 0xfeed0007, sealed };
}

function gathered(gatherer: UnitGatherer, datagrams: readonly Uint8Array[]): (SealedUnit | null)[] {
  return datagrams.map((datagram) => gatherer.add(datagram));
}

describe('a unit', () => {
  it('is cut as the wire says', () => {
    const [first, , last] = cutUnit(unitOf(250), FRAGMENT_BYTES);
    expect([...first!.subarray(0, HEADER_BYTES)]).toEqual([6, 0, 0, 3, 0xfe, 0xed, 0, 7, 0, 250, 0, 0, 0, 0, 0, 9]);
    expect(first!.length).toBe(HEADER_BYTES + FRAGMENT_BYTES);
    expect([...last!.subarray(0, 4)]).toEqual([6, 0, 2, 3]);
    expect(last!.length).toBe(HEADER_BYTES + 50);
  });

  it('takes as many fragments as fit the path', () => {
    expect(fragmentBytesFor(1500, 4)).toBe(1456);
    expect(fragmentBytesFor(1500, 6)).toBe(1436);
    expect(fragmentsFor(1440, 1456)).toBe(1);
    expect(fragmentsFor(1441, 1456)).toBe(2);
  });
});

describe('gathering', () => {
  it.each([[[0, 1, 2]], [[2, 0, 1]], [[1, 2, 0]]])('puts fragments together that come as %j', (order) => {
    const unit = unitOf(250);
    const datagrams = cutUnit(unit, FRAGMENT_BYTES);
    const results = gathered(
      new UnitGatherer(),
      order.map((fragment) => datagrams[fragment]!),
    );
    expect(results.slice(0, 2)).toEqual([null, null]);
    expect({ ...results[2], sealed: [...results[2]!.sealed] }).toEqual({ ...unit, sealed: [...unit.sealed] });
  });

  it('keeps units apart and takes a fragment once', () => {
    const [a0, a1] = cutUnit(unitOf(150, 1), FRAGMENT_BYTES);
    const [b0, b1] = cutUnit(unitOf(150, 2), FRAGMENT_BYTES);
    const results = gathered(new UnitGatherer(), [a0!, b1!, a0!, a1!, b0!]);
    expect(results.map((unit) => unit?.counter ?? null)).toEqual([null, null, null, 1, 2]);
  });

  it('lets the oldest of too many halves go', () => {
    const gatherer = new UnitGatherer();
    const units = Array.from({ length: 65 }, (_, counter) => cutUnit(unitOf(150, counter), FRAGMENT_BYTES));
    for (const [first] of units) gatherer.add(first!);
    expect(gatherer.add(units[0]![1]!)).toBeNull();
    expect(gatherer.add(units[64]![1]!)?.counter).toBe(64);
  });

  it('refuses what is no unit', () => {
    const [datagram] = cutUnit(unitOf(90), FRAGMENT_BYTES);
    const wrong = [new Uint8Array(16), datagram!.with(0, 4), datagram!.with(2, 1), datagram!.with(9, 91)];
    expect(gathered(new UnitGatherer(), wrong)).toEqual([null, null, null, null]);
  });
});
