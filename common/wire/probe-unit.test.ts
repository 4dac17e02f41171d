import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../address/socket-address.js';
import {
  checkProbe,
  describeProbe,
  KIND_ANSWER,
  PROBE_BYTES,
  probeKind,
  readObserved,
  readProbe,
  writeAnswer,
  writeProbe,
} from './probe-unit.js';

const PROBE = { probeId: 0xdeadbeef, sentUs: 123456.5, sizeBytes: 1500 };
/** Where the unit lies in its memory. */
const AT = 8;

function probeUnit(): DataView {
  const view = new DataView(new ArrayBuffer(AT + PROBE_BYTES));
  writeProbe(view, AT, PROBE);
  return view;
}

function answerTo(probe: DataView, observed: string): DataView {
  const view = new DataView(new ArrayBuffer(AT + PROBE_BYTES));
  writeAnswer(view, AT, probe, AT, parseSocketAddress(observed));
  return view;
}

function hex({ buffer }: DataView): string {
  return Buffer.from(buffer, AT).toString('hex');
}

describe('a probe unit', () => {
  it('has these bytes', () => {
    expect(hex(probeUnit())).toBe(`00000000deadbeef40fe240800000000` + `05dc0000` + '00'.repeat(20));
    expect(readProbe(probeUnit(), AT)).toEqual(PROBE);
  });

  it.each([
    ['192.0.2.1:6785', '1a81' + '00000000000000000000ffffc0000201'],
    ['[2001:db8::1]:7000', '1b58' + '20010db8000000000000000000000001'],
  ])('is answered as it came, with the address it came from: %s', (observed, bytes) => {
    const answer = answerTo(probeUnit(), observed);
    expect(hex(answer)).toBe(`01000000deadbeef40fe240800000000` + `05dc${bytes}` + '00000000');
    expect(probeKind(answer, AT)).toBe(KIND_ANSWER);
    expect(readProbe(answer, AT)).toEqual(PROBE);
    expect(readObserved(answer, AT)).toEqual(parseSocketAddress(observed));
  });

  it('is checked for its length and kind', () => {
    const unit = probeUnit();
    expect(checkProbe(unit, AT, PROBE_BYTES)).toBe(true);
    expect(checkProbe(unit, AT, PROBE_BYTES - 1)).toBe(false);
    unit.setUint8(AT, 2);
    expect(checkProbe(unit, AT, PROBE_BYTES)).toBe(false);
    expect(checkProbe(unit, AT, 0)).toBe(false);
  });

  it('is described in a line', () => {
    const probe = probeUnit();
    expect(describeProbe(probe, AT)).toBe('probe 3735928559 of 1500 bytes');
    expect(describeProbe(answerTo(probe, '192.0.2.1:6785'), AT)).toBe(
      'answer to probe 3735928559 of 1500 bytes, seen from 192.0.2.1:6785',
    );
  });
});
