import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AllocationReport } from './testing/allocation-probe.js';

const FRAMES = 1_000_000;
/** Beside the other built programs, so that it finds the packages. */
const PROGRAM = join('dist', `allocation-probe-${process.pid}.mjs`);

beforeAll(() => {
  mkdirSync('dist', { recursive: true });
  const options = {
    entryPoints: [join('router', 'testing', 'allocation-probe.ts')],
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm', external: ['koffi'], outfile: PROGRAM },
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  };
  const script = `import { build } from 'esbuild'; await build(${JSON.stringify(options)});`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', script]);
});
afterAll(() => rmSync(PROGRAM, { force: true }));

describe('the packet loop', () => {
  it.each([
    ['from node to node', []],
    ['through a relay', ['relayed']],
  ])('allocates nothing per packet %s: a million frames leave no garbage to collect', (_way, options) => {
    const args = ['--expose-gc', PROGRAM, String(FRAMES), ...options];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
    const report = JSON.parse(output) as AllocationReport;
    expect(report.delivered).toBeGreaterThanOrEqual(FRAMES);
    expect(report.grownBytes / report.frames).toBeLessThan(1);
    // A new object per frame, of the smallest size there is, would be more than ten collections.
    expect(report.collections).toBeLessThanOrEqual(2);
  });
});
