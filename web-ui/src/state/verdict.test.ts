import { describe, expect, it } from '@jest/globals';
import type { Status } from '../../../common/api.js';
import { pillText } from './verdict.js';

const condition = (ok: boolean, required: boolean) => ({ name: 'x', ok, message: '', required });
const status = (verdict: Status['verdict'], ...conditions: Status['conditions']) =>
  ({ verdict, ready: verdict !== 'notReady', conditions }) as Status;

describe('the text of the pill', () => {
  it('has three verdicts, and counts what each is about', () => {
    expect(pillText(status('ok', condition(true, true)))).toBe('Ready');
    expect(pillText(status('warning', condition(true, true), condition(false, false)))).toBe('Ready · 1 warning');
    expect(pillText(status('notReady', condition(false, true), condition(false, false)))).toBe('Not ready · 1 missing');
  });

  it('follows `ready` of an agent without a verdict', () => {
    expect(pillText({ ready: true, conditions: [] } as unknown as Status)).toBe('Ready');
    expect(pillText({ ready: false, conditions: [] } as unknown as Status)).toBe('Not ready');
  });
});
