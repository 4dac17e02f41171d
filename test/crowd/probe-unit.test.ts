import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { encodeAnswer, encodeProbe, encodeReport, PROBE_BYTES, readProbeUnit } from './probe-unit.js';

const PROBE = { probeId: 0xdeadbeef, sentUs: 123456.5, sizeBytes: 1500 };

describe('probe units', () => {
  it('are probes of the length that is asked for', () => {
    const unit = encodeProbe(PROBE, 1440);
    expect(unit.length).toBe(1440);
    expect([...unit.subarray(0, 8)]).toEqual([0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef]);
    expect(readProbeUnit(unit)).toEqual({ kind: 'probe', ...PROBE });
  });

  it.each(['192.0.2.1:6785', '[2001:db8::1]:7000'])('answer with what was asked and that it came from %s', (text) => {
    const observed = parseSocketAddress(text);
    const unit = encodeAnswer(PROBE, observed);
    expect(unit.length).toBe(PROBE_BYTES);
    expect(readProbeUnit(unit)).toEqual({ kind: 'answer', ...PROBE, observed });
  });

  it('report what was opened', () => {
    const unit = Buffer.from(encodeReport({ index: 7, sent: 12, opened: 10, datagrams: 11 }));
    expect(unit.length).toBe(32);
    expect([unit[0], unit.readUInt32BE(4), unit.readDoubleBE(8)]).toEqual([2, 7, 12]);
    expect([unit.readDoubleBE(16), unit.readDoubleBE(24)]).toEqual([10, 11]);
    expect(readProbeUnit(unit)).toEqual({ kind: 'report' });
  });

  it('are refused when they are too short or of another kind', () => {
    const unit = encodeProbe(PROBE, PROBE_BYTES);
    expect(readProbeUnit(unit.subarray(1))).toBeNull();
    expect(readProbeUnit(unit.with(0, 3))).toBeNull();
    expect(readProbeUnit(new Uint8Array(0))).toBeNull();
  });
});
