import { describe, expect, it } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openUnderlaySockets } from '../../router/index.js';
import { sources } from '../architecture/source-tree.js';

describe('a unit test', () => {
  it.each<[string, () => unknown]>([
    ['listen on a socket', () => createServer().listen(0)],
    ['connect a socket', () => connect(9)],
    ['use a UDP socket', () => createSocket('udp4').bind(0)],
    ['start a process', () => spawn('true')],
    ['start a process', () => execFileSync('true')],
    ['start a thread', () => new Worker('', { eval: true })],
    ['wait on a real timer', () => setTimeout(() => undefined, 1)],
    ['wait on a real timer', () => setInterval(() => undefined, 1)],
    ['wait on a real timer', () => wait(1)],
    ['call socket()', () => openUnderlaySockets({ address: '127.0.0.1', port: 0, count: 1 })],
  ])('may not %s', (what, attempt) => {
    expect(attempt).toThrow(`A unit test may not ${what}`);
  });

  it('may put something off until the event loop has turned', async () => {
    await expect(new Promise((resolve) => setTimeout(() => resolve('later'), 0))).resolves.toBe('later');
  });

  it('cannot choose an environment without these limits', () => {
    const choice = new RegExp(`@jest-${'environment'}`);
    expect(sources.filter((file) => choice.test(file.text)).map((file) => file.path)).toEqual([]);
  });
});
