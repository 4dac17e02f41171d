import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemDisk } from '../../common/storage/disk.js';
import { silentLogger } from '../../common/log.js';
import { encodeRelayRequest } from './relay-protocol.js';
import { replayDeferredDeletes, sweepDeferredDeletes } from './deferred-deletes.js';

let spool: string;
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'heddle-spool-'));
});
afterEach(() => rmSync(spool, { recursive: true }));

const deferred = (command: string) =>
  encodeRelayRequest({ env: new Map([['CNI_COMMAND', command]]), stdin: new Uint8Array() });
const keep = (name: string, bytes: Uint8Array | string) => writeFileSync(join(spool, name), bytes);
/** Replays, and returns the commands with the time each was made at. */
async function replay(exitCode = 0, directories = [spool]) {
  const seen: [string | undefined, number][] = [];
  const report = await replayDeferredDeletes(
    systemDisk,
    directories,
    (request, asOfMs) => {
      seen.push([request.env.get('CNI_COMMAND'), asOfMs]);
      return Promise.resolve({ exitCode, stdout: '' });
    },
    silentLogger(),
  );
  return { seen, report };
}

describe('deferred deletes', () => {
  it('are replayed with the time of each call, and then removed', async () => {
    keep('del-0123456789abcdef', deferred('DEL'));
    keep('gc-0123456789abcdef', deferred('GC'));
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

  it('that fail are kept for the next replay', async () => {
    keep('del-0123456789abcdef', deferred('DEL'));
    expect((await replay(1)).report.failed).toBe(1);
    expect(readdirSync(spool)).toHaveLength(1);
  });

  it('are removed without replay when they hold something else than DEL or GC', async () => {
    keep('del-0123456789abcde0', 'garbage');
    keep('del-0123456789abcde1', deferred('ADD'));
    const { seen, report } = await replay();
    expect(seen).toEqual([]);
    expect(report.refused).toBe(2);
    expect(readdirSync(spool)).toEqual([]);
  });

  it('do not include files of other names', async () => {
    keep('.tmp-7-1', deferred('DEL'));
    expect((await replay()).report).toEqual({ replayed: 0, failed: 0, refused: 0 });
    expect(readdirSync(spool)).toHaveLength(1);
  });

  it('of a relay that died while writing are removed after 60 s, and younger ones are kept', async () => {
    for (const name of ['.tmp-7-1', '.tmp-8-2', '.tmp-note', 'del-0123456789abcdef']) {
      keep(name, '');
      utimesSync(join(spool, name), 1000, 1000);
    }
    utimesSync(join(spool, '.tmp-8-2'), 1030, 1030);
    await sweepDeferredDeletes(systemDisk, spool, 1_060_000);
    expect(readdirSync(spool)).toEqual(['.tmp-8-2', '.tmp-note', 'del-0123456789abcdef']);
    await sweepDeferredDeletes(systemDisk, join(spool, 'none'), 0);
  });

  it('are read from every directory, also after an upgrade that renamed it', async () => {
    const former = join(spool, 'former');
    mkdirSync(former);
    keep('del-0123456789abcdef', deferred('DEL'));
    keep('former/gc-0123456789abcdef', deferred('GC'));
    expect((await replay(0, [spool, former])).report.replayed).toBe(2);
    expect([...readdirSync(spool), ...readdirSync(former)]).toEqual(['former']);
  });

  it('have no directory before the first of them', async () => {
    expect((await replay(0, [join(spool, 'none')])).seen).toEqual([]);
  });
});
