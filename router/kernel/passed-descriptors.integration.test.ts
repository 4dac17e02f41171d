import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemCallError } from '../../common/errors.js';
import { DescriptorInbox, sendDescriptors } from './passed-descriptors.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-passed-'));
  path = join(folder, 'inbox.sock');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('descriptors that are passed', () => {
  it('arrive as duplicates, in their order', () => {
    const inbox = new DescriptorInbox(path);
    const sent = ['/dev/null', '/dev/zero', '/dev/null'].map((name) => openSync(name, 'r'));
    sendDescriptors(path, sent);
    const received = inbox.receive();
    inbox.close();
    expect(received.map((fd) => fstatSync(fd).rdev)).toEqual(sent.map((fd) => fstatSync(fd).rdev));
    expect(received.filter((fd) => sent.includes(fd))).toEqual([]);
    for (const fd of [...sent, ...received]) closeSync(fd);
  });

  it('are none when nothing was sent', () => {
    const inbox = new DescriptorInbox(path);
    expect(inbox.receive()).toEqual([]);
    inbox.close();
  });

  it('cannot be sent where nobody receives', () => {
    expect(() => sendDescriptors(path, [0])).toThrow(SystemCallError);
  });
});
