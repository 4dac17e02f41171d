/** Features of the processor, as the kernel lists them: `flags` on x86-64, `Features` on arm64. */
import { readFileSync } from 'node:fs';

export function processorFlags(): ReadonlySet<string> {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  return new Set(line?.[1]?.split(' ') ?? []);
}
