import { describe, expect, it } from '@jest/globals';
import {
  MAX_NOTICE_GROUPS,
  MAX_NOTICES_PER_INTERVAL,
  NOTICE_INTERVAL_MS,
  NOTICES_OF_EACH_MEMBER,
  NOTICES_OF_EACH_MESSAGE,
} from './limits.js';
import { Notices, subjectInWords, subjectOf } from './notices.js';
import type { Notice } from './notices.js';

describe('notices', () => {
  it('pass once a minute per message and subject, with the number held back', () => {
    const passed: Notice[] = [];
    const notices = new Notices((notice) => passed.push(notice));
    for (let i = 0; i < 5; i++) notices.write('warn', 'message', i, 'a', { from: 'x' });
    notices.write('warn', 'message', 5, 'b');
    notices.write('warn', 'message', NOTICE_INTERVAL_MS, 'a', { from: 'x' });
    expect(passed.map(({ fields }) => fields)).toEqual([{ from: 'x' }, {}, { from: 'x', heldBack: 4 }]);
  });

  it('of more subjects than a minute allows are held back', () => {
    const passed: Notice[] = [];
    const notices = new Notices((notice) => passed.push(notice));
    for (let i = 0; i < 10_000; i++) notices.write('warn', 'message', i, `source ${i}`);
    expect(passed).toHaveLength(MAX_NOTICES_PER_INTERVAL);
  });

  it('of members that this node has met pass though those of others have used up the minute', () => {
    const passed: Notice[] = [];
    const notices = new Notices((notice) => passed.push(notice));
    for (let i = 0; i < 10_000; i++) notices.write('warn', 'message', i, `source ${i}`);
    notices.write('warn', 'message', 10_000, 'a stranger', { of: 'a stranger' });
    for (let i = 0; i < 100; i++) notices.write('warn', 'message', 10_000, subjectOf(`claim ${i}`, 'a'), { of: 'a' });
    notices.write('warn', 'message', 10_000, subjectOf('claim of b', 'b'), { of: 'b' });
    const ofMet = [...Array.from({ length: NOTICES_OF_EACH_MEMBER }, () => ({ of: 'a' })), { of: 'b' }];
    expect(passed.slice(MAX_NOTICES_PER_INTERVAL).map(({ fields }) => fields)).toEqual(ofMet);
  });

  it('of each message pass, though there were those of more members than are told apart', () => {
    const passed: Notice[] = [];
    const notices = new Notices((notice) => passed.push(notice));
    for (let i = 0; i < 2 * MAX_NOTICE_GROUPS; i++) notices.write('warn', 'message', i, subjectOf(`${i}`, `${i}`));
    notices.write('error', 'cloned identity', 5_000);
    notices.write('warn', 'link is down', 5_000, subjectOf('a', 'a'));
    expect(passed.slice(-2).map(({ message }) => message)).toEqual(['cloned identity', 'link is down']);
  });

  it('are of one kind when strangers choose some of the words', () => {
    const passed: Notice[] = [];
    const notices = new Notices((notice) => passed.push(notice));
    for (let i = 0; i < MAX_NOTICES_PER_INTERVAL; i++) notices.write('warn', 'message', i, `source ${i}`);
    for (let i = 0; i < 1_000; i++) notices.write('warn', `refused: ${i}`, 1_000, subjectInWords('a', 'refused'));
    expect(passed).toHaveLength(MAX_NOTICES_PER_INTERVAL + NOTICES_OF_EACH_MESSAGE);
  });
});
