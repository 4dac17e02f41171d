/** Suites and tests that need programs of this machine: without them they are skipped with a reason, in CI they fail. */
import { describe, it } from '@jest/globals';
import { existsSync } from 'node:fs';

export function describeWith(programs: readonly string[], name: string, suite: () => void): void {
  if (areThere(programs, name)) describe(name, suite);
  else describe.skip(name, suite);
}

export function itWith(programs: readonly string[], name: string, test: () => Promise<void>, timeoutMs: number): void {
  if (areThere(programs, name)) it(name, test, timeoutMs);
  else it.skip(name, test);
}

function areThere(programs: readonly string[], name: string): boolean {
  const missing = programs.filter((path) => !existsSync(path));
  if (process.getuid?.() !== 0) missing.push('root');
  if (missing.length === 0 || process.env['CI'] !== undefined) return true;
  process.stderr.write(`skipped: ${name}: missing ${missing.join(', ')}\n`);
  return false;
}
