import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemDisk } from '../../common/storage/disk.js';
import { silentLogger } from '../../common/log.js';
import { encodeRelayRequest } from './relay-protocol.js';
import { replayTombstones, sweepSpool } from './tombstones.js';

let spool: string;
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'heddle-spool-'));
});
afterEach(() => rmSync(spool, { recursive: true }));

const tombstone = (command: string) =>
  encodeRelayRequest({ env: new Map([['CNI_COMMAND', command]]), stdin: new Uint8Array() });
const keep = (name: string, bytes: Uint8Array | string) => writeFileSync(join(spool, name), bytes);
/** Replays, and returns the commands with the time each was made at. */
async function replay(exitCode = 0, directory = spool) {
  const seen: [string | undefined, number][] = [];
  const report = await replayTombstones(
    systemDisk,
    directory,
    (request, asOfMs) => {
      seen.push([request.env.get('CNI_COMMAND'), asOfMs]);
      return Promise.resolve({ exitCode, stdout: '' });
    },
    silentLogger(),
  );
  return { seen, report };
}

describe('the spool', () => {
  it('is replayed with the time each call was made at, and emptied', async () => {
    keep('del-0123456789abcdef', tombstone('DEL'));
    keep('gc-0123456789abcdef', tombstone('GC'));
    utimesSync(join(spool, 'del-0123456789abcdef'), 1000, 1000);
    utimesSync(join(spool, 'gc-0123456789abcdef'), 2000, 2000);
    const { seen, report } = await replay();
    expect(seen).toEqual([
      ['DEL', 1_000_000],
      ['GC', 2_000_000],
    ]);
    expect(report).toEqual({ replayed: 2, failed: 0, refused: 0 });
    expect(readdirSync(spool)).toEqual([]);
  });

  it('keeps a call that failed for the next time', async () => {
    keep('del-0123456789abcdef', tombstone('DEL'));
    expect((await replay(1)).report.failed).toBe(1);
    expect(readdirSync(spool)).toHaveLength(1);
  });

  it('throws away what is no DEL or GC', async () => {
    keep('del-0123456789abcde0', 'garbage');
    keep('del-0123456789abcde1', tombstone('ADD'));
    const { seen, report } = await replay();
    expect(seen).toEqual([]);
    expect(report.refused).toBe(2);
    expect(readdirSync(spool)).toEqual([]);
  });

  it('leaves files of other names alone', async () => {
    keep('.tmp-7-1', tombstone('DEL'));
    expect((await replay()).report).toEqual({ replayed: 0, failed: 0, refused: 0 });
    expect(readdirSync(spool)).toHaveLength(1);
  });

  it('is swept of what a relay left that died while it wrote, not of what one is writing', async () => {
    for (const name of ['.tmp-7-1', '.tmp-8-2', '.tmp-note', 'del-0123456789abcdef']) {
      keep(name, '');
      utimesSync(join(spool, name), 1000, 1000);
    }
    utimesSync(join(spool, '.tmp-8-2'), 1030, 1030);
    await sweepSpool(systemDisk, spool, 1_060_000);
    expect(readdirSync(spool)).toEqual(['.tmp-8-2', '.tmp-note', 'del-0123456789abcdef']);
    await sweepSpool(systemDisk, join(spool, 'none'), 0);
  });

  it('may not exist', async () => {
    expect((await replay(0, join(spool, 'none'))).seen).toEqual([]);
  });
});
