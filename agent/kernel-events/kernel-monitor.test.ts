import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { KernelMonitor } from './kernel-monitor.js';

describe('KernelMonitor', () => {
  it('starts the program again some time after it ended, and not once stopped', async () => {
    const clock = new VirtualClock();
    const program = {
      starts: 0,
      stopped: false,
      line: null as unknown as (text: string) => void,
      end: (): void => undefined,
    };
    const lines: string[] = [];
    const monitor = new KernelMonitor({
      open: (onLine, onEnd) => {
        Object.assign(program, { starts: program.starts + 1, line: onLine, end: onEnd });
        return { stop: () => (program.stopped = true) };
      },
      clock,
      onLine: (line) => lines.push(line),
    });
    monitor.start();
    program.line('a');
    program.end();
    await clock.advanceSettled(10_000);
    expect(program.starts).toBe(2);
    program.line('b');
    expect(lines).toEqual(['a', 'b']);
    monitor.stop();
    expect(program.stopped).toBe(true);
    program.end();
    await clock.advanceSettled(10_000);
    expect(program.starts).toBe(2);
  });
});
