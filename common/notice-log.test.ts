import { describe, expect, it } from '@jest/globals';
import type { Logger } from './log.js';
import { NoticeLog } from './notice-log.js';
import { VirtualClock } from './testing/virtual-clock.js';

function recorded() {
  const lines: { level: string; fields: unknown; message: string }[] = [];
  const at = (level: string) => (fields: unknown, message: string) => lines.push({ level, fields, message });
  const log = { info: at('info'), warn: at('warn'), error: at('error') } as unknown as Logger;
  const clock = new VirtualClock();
  return { lines, clock, notices: new NoticeLog(log, clock, 1000) };
}

describe('NoticeLog', () => {
  it('writes the first notice of a kind at once and holds back its repetitions', () => {
    const { lines, notices } = recorded();
    notices.write('warn', 'link lost', { peer: 'b' });
    notices.write('warn', 'link lost', { peer: 'c' });
    expect(lines).toEqual([{ level: 'warn', fields: { peer: 'b' }, message: 'link lost' }]);
  });

  it('writes the number of those held back with the next notice', () => {
    const { lines, clock, notices } = recorded();
    for (let i = 0; i < 5; i++) notices.write('warn', 'link lost');
    clock.advance(1000);
    notices.write('warn', 'link lost');
    expect(lines[1]).toEqual({ level: 'warn', fields: { heldBack: 4 }, message: 'link lost' });
  });

  it('writes the next notice of a cleared kind at once', () => {
    const { lines, notices } = recorded();
    notices.write('warn', 'bridge is gone', {}, 'bridge');
    notices.clear('bridge');
    notices.write('warn', 'bridge is gone', {}, 'bridge');
    expect(lines).toHaveLength(2);
  });

  it('remembers a bounded number of kinds', () => {
    const { lines, notices } = recorded();
    for (let i = 0; i < 300; i++) notices.write('info', `garbage ${i}`);
    notices.write('info', 'garbage 0');
    notices.write('info', 'garbage 299');
    expect(lines).toHaveLength(301);
  });
});
