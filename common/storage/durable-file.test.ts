import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { CrashingDisk } from '../testing/crashing-disk.js';
import { systemDisk } from './disk.js';
import { DurableFile } from './durable-file.js';
import type { DurableCodec } from './durable-file.js';
import { DecodeError } from '../errors.js';

const numbers: DurableCodec<number[]> = {
  kind: 'numbers/1',
  encode: (value) => value,
  decode(body) {
    if (!Array.isArray(body)) throw new DecodeError('not numbers');
    return body as number[];
  },
};
const PATH = '/state/numbers.json';

describe('a durable file', () => {
  it('reads what was written, on a real disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'heddle-durable-'));
    try {
      const file = new DurableFile(systemDisk, join(directory, 'deep', 'numbers.json'), numbers);
      expect(await file.read()).toEqual({ kind: 'absent' });
      await file.write([1, 2, 3]);
      expect(await file.read()).toEqual({ kind: 'value', value: [1, 2, 3] });
      expect((await systemDisk.describe(file.path))?.mode).toBe(0o600);
      expect(await systemDisk.list(join(directory, 'deep'))).toEqual(['numbers.json']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('copies a damaged file to a new number each time, and says why', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'heddle-durable-'));
    try {
      const file = new DurableFile(systemDisk, join(directory, 'numbers.json'), numbers);
      await writeFile(file.path, '[1,2');
      expect(await file.read()).toMatchObject({ kind: 'corrupt', keptAs: `${file.path}.corrupt-1` });
      expect(await file.read()).toMatchObject({ kind: 'corrupt', keptAs: `${file.path}.corrupt-2` });
      expect(await readFile(`${file.path}.corrupt-1`, 'utf8')).toBe('[1,2');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('is damaged, and no error, also on a disk that takes no copy', async () => {
    const disk = new CrashingDisk(() => 0);
    const file = new DurableFile(disk, PATH, numbers);
    await file.write([1]);
    disk.flipByte(PATH, 3);
    jest.spyOn(disk, 'writeSynced').mockRejectedValueOnce(new Error('no space left'));
    const reason = expect.stringContaining('; no copy is kept: no space left');
    expect(await file.read()).toEqual({ kind: 'corrupt', reason, keptAs: null });
    expect(await disk.read(`${PATH}.corrupt-1`)).toBeNull();
  });

  it('treats a file of another kind as damaged', async () => {
    const disk = new CrashingDisk(() => 0);
    await new DurableFile(disk, PATH, { ...numbers, kind: 'numbers/2' }).write([1]);
    expect(await new DurableFile(disk, PATH, numbers).read()).toMatchObject({ kind: 'corrupt' });
  });

  it('keeps a file of a later version as it is, and says so', async () => {
    const disk = new CrashingDisk(() => 0);
    const later = new DurableFile(disk, PATH, { ...numbers, kind: 'numbers/10' });
    await later.write([1]);
    const found = await disk.read(PATH);
    const file = new DurableFile(disk, PATH, numbers);
    const reason = expect.stringContaining(
      'format numbers/10 is of a later version of Heddle, this one reads numbers/1',
    );
    expect(await file.read()).toEqual({ kind: 'corrupt', reason, keptAs: `${PATH}.corrupt-1` });
    await file.write([2]);
    expect(await disk.read(`${PATH}.corrupt-1`)).toEqual(found);
    // Of an earlier version the later one does not say so.
    expect(await later.read()).toMatchObject({ reason: expect.not.stringContaining('later version') });
  });

  it('detects every flipped byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer()),
        fc.nat(),
        fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
        async (value, at, random) => {
          const disk = new CrashingDisk(() => random.next().value as number);
          const file = new DurableFile(disk, PATH, numbers);
          await file.write(value);
          disk.flipByte(PATH, at);
          expect(await file.read()).toMatchObject({ kind: 'corrupt' });
        },
      ),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('holds the old value or the new one after a crash at any step of a write', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
        async (step, random) => {
          const disk = new CrashingDisk(() => random.next().value as number);
          const file = new DurableFile(disk, PATH, numbers);
          await file.write([1]);
          disk.crashAfter(step);
          const written = await file.write([2]).then(
            () => true,
            () => false,
          );
          disk.restart();
          const read = await file.read();
          expect(written ? [[2]] : [[1], [2]]).toContainEqual(read.kind === 'value' ? read.value : read);
        },
      ),
      { numRuns: fuzzRuns(40) },
    );
  });
});
