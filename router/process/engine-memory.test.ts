import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../common/log.js';
import { keepSpeeds, recallSpeeds } from './engine-memory.js';

describe('the speeds of engines that a router keeps', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-engines-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are those of the next router with the same Node', () => {
    const path = join(folder, 'speeds.json');
    keepSpeeds(path, { openssl: 230, other: 70 }, silentLogger());
    expect(recallSpeeds(path)).toEqual({ openssl: 230, other: 70 });
    expect(recallSpeeds(path, 'v99.0.0')).toEqual({});
  });

  it.each(['', '[]', '{"node":1}', `{"node":"${process.version}","speeds":{"openssl":"fast"}}`])(
    'are measured anew when the file is %j',
    (content) => {
      const path = join(folder, 'damaged.json');
      writeFileSync(path, content);
      expect(recallSpeeds(path)).toEqual({});
    },
  );

  it('are measured anew when there is no file, and a folder that is missing ends no router', () => {
    const path = join(folder, 'missing', 'speeds.json');
    expect(() => keepSpeeds(path, { openssl: 1 }, silentLogger())).not.toThrow();
    expect(recallSpeeds(path)).toEqual({});
  });
});
