import { describe, expect, it } from '@jest/globals';
import { createCommandRunner, hostCommands, runJson } from './command.js';
import type { CommandRunner } from './command.js';
import { CommandError, DecodeError } from '../errors.js';

const printing = (text: string): CommandRunner => ({ run: () => Promise.resolve(text) });

describe('hostCommands', () => {
  it('returns standard output', async () => {
    expect(await hostCommands.run('printf', ['%s|', 'a b', '$HOME', '; ls'])).toBe('a b|$HOME|; ls|');
  });

  it('gives the input to the program', async () => {
    expect(await hostCommands.run('cat', [], 'line\n')).toBe('line\n');
  });

  it('gives it as a file, which a program can open again as /dev/stdin', async () => {
    expect(await hostCommands.run('cat', ['/dev/stdin'], 'line\n')).toBe('line\n');
  });

  it('survives a program that closes its input early', async () => {
    expect(await hostCommands.run('true', [], 'x'.repeat(1 << 20))).toBe('');
  });

  it('throws with the exit code and standard error', async () => {
    const error = await hostCommands.run('sh', ['-c', 'echo wrong >&2; exit 3']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toMatchObject({ code: 'COMMAND_FAILED', exitCode: 3, stderr: 'wrong\n' });
    expect((error as Error).message).toBe('sh -c echo wrong >&2; exit 3 failed with exit code 3: wrong');
  });

  it('throws when the program does not exist', async () => {
    await expect(hostCommands.run('heddle-no-such-program', [])).rejects.toThrow(/ENOENT/);
  });

  it('names the signal that ended a program without output', async () => {
    await expect(hostCommands.run('sh', ['-c', 'kill -KILL $$'])).rejects.toThrow('ended by SIGKILL');
  });

  it('passes only a search path and a fixed locale as environment', async () => {
    const names = (await hostCommands.run('env', [])).split('\n').map((line) => line.split('=')[0]);
    expect(names.filter(Boolean).sort()).toEqual(['LC_ALL', 'PATH']);
  });

  it('never searches the current directory', async () => {
    const path = /^PATH=(.*)$/m.exec(await hostCommands.run('env', []))?.[1] ?? '';
    expect(path.split(':')).toEqual(expect.arrayContaining(['/usr/sbin', '/sbin']));
    expect(path.split(':')).not.toContain('');
  });
});

describe('command limits', () => {
  it('kills a program after its time limit, also when a child of it keeps the output open', async () => {
    const commands = createCommandRunner({ timeoutMs: 20, maxOutputBytes: 100 });
    await expect(commands.run('sleep', ['5'])).rejects.toThrow(
      'sleep 5 failed with exit code none: no answer within 20 ms',
    );
    await expect(commands.run('sh', ['-c', 'sleep 1 & wait'])).rejects.toThrow('no answer within 20 ms');
  });

  it('kills a program that prints more than its limit', async () => {
    const commands = createCommandRunner({ timeoutMs: 10_000, maxOutputBytes: 100_000 });
    await expect(commands.run('cat', ['/dev/zero'])).rejects.toThrow('more than 100000 bytes of output');
  });
});

describe('runJson', () => {
  it('parses the output, and gives an empty list for none', async () => {
    expect(await runJson(printing('[{"ifname":"lo"}]'), 'ip', ['-json', 'link'])).toEqual([{ ifname: 'lo' }]);
    expect(await runJson(printing(' \n'), 'ip', ['-json', 'link'])).toEqual([]);
  });

  it('names the command when its output is not JSON', async () => {
    await expect(runJson(printing('Device "x"'), 'ip', ['-json', 'link'])).rejects.toThrow(
      /output of "ip -json link" is not JSON/,
    );
    await expect(runJson(printing('{'), 'ip', [])).rejects.toBeInstanceOf(DecodeError);
  });
});
