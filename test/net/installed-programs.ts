/** Suite that needs programs of this machine: without them it is skipped with a reason, in CI it fails. */
import { describe } from '@jest/globals';
import { existsSync } from 'node:fs';

export function describeWith(programs: readonly string[], name: string, suite: () => void): void {
  const missing = programs.filter((path) => !existsSync(path));
  if (process.getuid?.() !== 0) missing.push('root');
  if (missing.length === 0 || process.env['CI'] !== undefined) return describe(name, suite);
  process.stderr.write(`skipped: ${name}: missing ${missing.join(', ')}\n`);
  describe.skip(name, suite);
}
