import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostCommands } from '../common/host/command.js';
import { agentCommands } from './spawned-program.js';

/** In a mask of signals. */
const SIGPIPE = 1n << 12n;

/** Children of this process that ended and were not waited for. */
function zombies(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return new RegExp(`\\) Z ${process.pid} `).test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false; // ended meanwhile
      }
    });
}

describe('programs of the agent', () => {
  it('get arguments as they are and their input, and give their output', async () => {
    expect(await agentCommands.run('printf', ['%s|', 'a b', '$HOME', '; ls'])).toBe('a b|$HOME|; ls|');
    expect(await agentCommands.run('cat', ['/dev/stdin'], 'line\n')).toBe('line\n');
    expect(await agentCommands.run('cat', [], 'x'.repeat(1 << 20))).toHaveLength(1 << 20);
  });

  it('fail with their exit code and standard error, or the signal that ended them', async () => {
    const failing = agentCommands.run('sh', ['-c', 'echo wrong >&2; exit 3']);
    await expect(failing).rejects.toMatchObject({ code: 'COMMAND_FAILED', exitCode: 3, stderr: 'wrong\n' });
    await expect(agentCommands.run('sh', ['-c', 'kill -KILL $$'])).rejects.toThrow('ended by SIGKILL');
  });

  it('fail when they are not there', async () => {
    await expect(agentCommands.run('heddle-no-such-program', [])).rejects.toThrow(/ENOENT/);
  });

  it('have only a search path and a fixed locale as environment, and die of a closed pipe', async () => {
    const names = (await agentCommands.run('env', [])).split('\n').map((line) => line.split('=')[0]);
    expect(names.filter(Boolean).sort()).toEqual(['LC_ALL', 'PATH']);
    const ignored = await agentCommands.run('grep', ['SigIgn', '/proc/self/status']);
    expect(BigInt(`0x${ignored.split('\t')[1]!.trim()}`) & SIGPIPE).toBe(0n);
  });

  it('are not started to list settings of the kernel, to read or to write one', async () => {
    const folder = '/proc/sys/net/ipv4/conf';
    expect(await agentCommands.run('ls', [folder])).toBe(await hostCommands.run('ls', [folder]));
    const path = `${folder}/lo/tag`;
    const before = await agentCommands.run('cat', [path]);
    expect(await agentCommands.run('tee', [path], '7\n')).toBe('7\n');
    expect(await hostCommands.run('cat', [path])).toBe('7\n');
    await agentCommands.run('tee', [path], before);
    await expect(agentCommands.run('tee', ['/proc/sys/net/none'], '1')).rejects.toMatchObject({
      ...{ code: 'COMMAND_FAILED', exitCode: 1, stderr: expect.stringContaining('ENOENT') },
    });
  });

  it('inherit no descriptor, and leave no zombie, also many at once', async () => {
    const list = ['/proc/self/fd'];
    expect(await agentCommands.run('ls', list)).toBe(await hostCommands.run('ls', list));
    const outputs = await Promise.all(Array.from({ length: 40 }, (_, i) => agentCommands.run('echo', [String(i)])));
    expect(outputs).toEqual(Array.from({ length: 40 }, (_, i) => `${i}\n`));
    expect(zombies()).toEqual([]);
  });

  it('run in another network namespace without a program that enters it, and this process stays in its own', async () => {
    const own = readlinkSync('/proc/self/ns/net');
    const listed = await agentCommands.run('nsenter', ['--net=/proc/self/ns/net', 'readlink', '/proc/self/ns/net']);
    expect(listed.trim()).toBe(own);
    await expect(agentCommands.run('nsenter', ['--net=/no/such', 'true'])).rejects.toThrow(
      /cannot open .*No such file/,
    );
    await expect(agentCommands.run('nsenter', ['--net=/proc/self/status', 'true'])).rejects.toThrow(
      /reassociate to namespace .* failed: Invalid argument/,
    );
    expect(readlinkSync('/proc/self/ns/net')).toBe(own);
  });

  it('read files of the kernel without one, with the outcome of cat', async () => {
    const paths = ['/proc/sys/kernel/ostype', '/proc/self/comm'];
    const own = paths.map((path) => readFileSync(path, 'utf8')).join('');
    expect(await agentCommands.run('cat', paths)).toBe(own);
    await expect(agentCommands.run('cat', ['/proc/no-such-file'])).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      exitCode: 1,
    });
  });

  it('are waited for when they close their output before they end', async () => {
    await expect(agentCommands.run('sh', ['-c', 'exec >&- 2>&-; sleep 0.05; exit 4'])).rejects.toMatchObject({
      exitCode: 4,
    });
  });
});
