import { describe, expect, it } from '@jest/globals';
import {
  checkLossReport,
  describeLossReport,
  isConsistent,
  LOSS_REPORT_BYTES,
  readLossReport,
  writeLossReport,
} from './loss-report-unit.js';

const REPORT = { lane: 3, index: 0x0a100002, sent: 100, opened: 98, datagrams: 4312 };

function reportUnit(): DataView {
  const view = new DataView(new ArrayBuffer(LOSS_REPORT_BYTES));
  writeLossReport(view, 0, REPORT);
  return view;
}

describe('a loss report', () => {
  it('has these bytes', () => {
    const bytes = Buffer.from(reportUnit().buffer).toString('hex');
    expect(bytes).toBe('020300000a100002' + '4059000000000000' + '4058800000000000' + '40b0d80000000000');
    expect(readLossReport(reportUnit(), 0)).toEqual(REPORT);
  });

  it('is checked for its length and kind', () => {
    const unit = reportUnit();
    expect(checkLossReport(unit, 0, LOSS_REPORT_BYTES)).toBe(true);
    expect(checkLossReport(unit, 0, LOSS_REPORT_BYTES - 1)).toBe(false);
    unit.setUint8(0, 1);
    expect(checkLossReport(unit, 0, LOSS_REPORT_BYTES)).toBe(false);
  });

  it.each([{ opened: 101 }, { opened: -1 }, { datagrams: 97 }, { opened: NaN }, { sent: NaN }, { datagrams: NaN }])(
    'does not agree with itself: %j',
    (change) => {
      expect(isConsistent(REPORT)).toBe(true);
      expect(isConsistent({ ...REPORT, ...change })).toBe(false);
    },
  );

  it('is described in a line', () => {
    expect(describeLossReport(reportUnit(), 0)).toBe(
      'loss report, lane 3, session 0x0a100002: 98 of 100 units opened, in 4312 datagrams',
    );
  });
});
