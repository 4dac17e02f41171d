import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import { decodeRelayRequest, encodeRelayResponse } from './relay-protocol.js';
import type { CniRequest } from './relay-protocol.js';
import { CNI_VERSIONS } from '../../common/cni-versions.js';

const POLL_MS = 10;
const HERE = dirname(fileURLToPath(import.meta.url));
const IMPATIENT = { HEDDLE_CNI_TIMEOUT_MS: '300' };
const CONFIG = '{"cniVersion":"0.4.0","name":"heddle","type":"heddle-cni"}';

/** Builds of each relay to a path; throw when this machine cannot build it. */
const BUILDS = {
  c: (to: string) =>
    execFileSync('cc', ['-static', '-Os', '-s', '-Wall', '-Wextra', '-Werror', '-o', to, join(HERE, 'heddle-cni.c')]),
  node: (to: string) => {
    const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20' } as const;
    buildSync({
      ...options,
      entryPoints: [join(HERE, 'heddle-cni.ts')],
      outfile: to,
      banner: { js: '#!/usr/bin/env node' },
    });
    chmodSync(to, 0o755);
  },
};

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (thrown) {
    if (process.env['CI'] !== undefined) throw thrown;
    process.stderr.write('skipped: the tests of the C relay, because this machine has no C compiler (cc)\n');
    return false;
  }
}

interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const relays = (['c', 'node'] as const).filter((kind) => kind === 'node' || hasCompiler());

describe.each(relays)('the %s relay', (kind) => {
  let built: string;
  let folder: string;
  let server: Server | null = null;
  let requests: CniRequest[];
  const sockets = new Set<Socket>();

  beforeAll(() => {
    built = join(mkdtempSync(join(tmpdir(), 'heddle-relay-')), 'heddle-cni');
    BUILDS[kind](built);
  });
  afterAll(() => rmSync(dirname(built), { recursive: true }));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-relay-run-'));
    requests = [];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
    server = null;
    rmSync(folder, { recursive: true });
  });

  const socketPath = () => join(folder, 'cni.sock');
  const spool = () => join(folder, 'spool', 'deep');
  const json = (run: Run) => JSON.parse(run.stdout) as Record<string, unknown>;

  function run(env: Record<string, string>, stdin: string | Buffer = CONFIG, program = built): Promise<Run> {
    const standard = {
      CNI_CONTAINERID: 'abc',
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/run/netns/x',
      PATH: process.env['PATH'] ?? '',
    };
    const paths = { HEDDLE_CNI_SOCKET: socketPath(), HEDDLE_CNI_SPOOL: spool() };
    const child = spawn(program, [], { env: { ...standard, ...paths, ...env } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exitCode) => {
        resolve({ exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
      });
    });
  }

  /** An agent that gives every call the same answer. Null: it closes the connection. 'never': it does not answer. */
  function listen(answer: { exitCode: number; stdout: string } | null | 'never', path = socketPath()): Promise<void> {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      const chunks: Buffer[] = [];
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('end', () => {
        requests.push(decodeRelayRequest(Buffer.concat(chunks)));
        if (answer !== 'never') socket.end(answer === null ? '' : encodeRelayResponse(answer));
      });
    });
    return new Promise((resolve) => server!.listen(path, resolve));
  }

  it('sends CNI_* variables and standard input, and prints the response', async () => {
    await listen({ exitCode: 0, stdout: '{"ips":["ä"]}\n' });
    const result = await run({ CNI_COMMAND: 'ADD', CNI_ARGS: 'A=1;B=2', SECRET: 'not for the agent' });
    expect(result).toEqual({ exitCode: 0, stdout: '{"ips":["ä"]}\n', stderr: '' });
    expect(Object.fromEntries(requests[0]!.env)).toEqual({
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'abc',
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/run/netns/x',
      CNI_ARGS: 'A=1;B=2',
    });
    expect(Buffer.from(requests[0]!.stdin).toString()).toBe(CONFIG);
  });

  it('exits with the code of the response', async () => {
    await listen({ exitCode: 1, stdout: '{"code":7}' });
    expect(await run({ CNI_COMMAND: 'DEL' })).toMatchObject({ exitCode: 1, stdout: '{"code":7}' });
  });

  it('carries large requests and responses', async () => {
    await listen({ exitCode: 0, stdout: 'x'.repeat(500_000) });
    const stdin = Buffer.alloc(900_000, 0x20);
    expect((await run({ CNI_COMMAND: 'ADD' }, stdin)).stdout).toHaveLength(500_000);
    expect(requests[0]!.stdin).toHaveLength(900_000);
  });

  it('fails with code 6 on a call above the limit', async () => {
    await listen({ exitCode: 0, stdout: '' });
    expect(json(await run({ CNI_COMMAND: 'ADD' }, Buffer.alloc(1_100_000, 0x20)))).toMatchObject({ code: 6 });
    expect(requests).toEqual([]);
  });

  it('answers VERSION when there is no agent', async () => {
    expect(json(await run({ CNI_COMMAND: 'VERSION', CNI_NETNS: 'dummy' }))).toEqual({
      cniVersion: '0.4.0',
      supportedVersions: CNI_VERSIONS,
    });
  });

  it.each([
    ['ADD', 11],
    ['CHECK', 11],
    ['STATUS', 50],
    ['NONSENSE', 11],
  ])('fails %s with code %i when there is no agent, and names the socket', async (command, code) => {
    const result = await run({ CNI_COMMAND: command, ...IMPATIENT });
    expect(result.exitCode).toBe(1);
    expect(json(result)).toMatchObject({ cniVersion: '0.4.0', code });
    expect(json(result)['msg']).toContain('heddle agent is not reachable');
    expect(json(result)['details']).toContain(socketPath());
  });

  it.each([
    ['nothing', '', '1.0.0'],
    ['garbage', '\0\xff"cniVersion', '1.0.0'],
    ['a strange version', '{"cniVersion":"<script>"}', '1.0.0'],
    ['spaces', '{ "cniVersion" : "1.1.0" }', '1.1.0'],
  ])('answers in a valid version when its input is %s', async (_, stdin, cniVersion) => {
    expect(json(await run({ CNI_COMMAND: 'ADD', ...IMPATIENT }, stdin))).toMatchObject({ code: 11, cniVersion });
  });

  it('defers DEL and GC when there is no agent, in one file per attachment', async () => {
    for (let i = 0; i < 2; i++) {
      for (const command of ['DEL', 'GC']) {
        expect(await run({ CNI_COMMAND: command })).toMatchObject({ exitCode: 0, stdout: '' });
      }
    }
    await run({ CNI_COMMAND: 'DEL', CNI_IFNAME: 'net1' });
    // The names are FNV-1a of "abc\nnet1", "abc\neth0" and "\n": the same from both relays.
    expect(readdirSync(spool()).sort()).toEqual(
      ['del-dfefcd7b14a571a5', 'del-2d5c433ff911250a', 'gc-af63c74c8601c8dd'].sort(),
    );
    for (const name of readdirSync(spool())) {
      const kept = decodeRelayRequest(readFileSync(join(spool(), name)));
      expect(kept.env.get('CNI_COMMAND')?.toLowerCase()).toBe(name.split('-')[0]);
      expect(Buffer.from(kept.stdin).toString()).toBe(CONFIG);
    }
  });

  it('defers DEL when the agent closes the connection without an answer', async () => {
    await listen(null);
    expect(await run({ CNI_COMMAND: 'DEL', ...IMPATIENT })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(readdirSync(spool())).toHaveLength(1);
  });

  it('asks the next agent when one ends before it answers', async () => {
    await listen('never');
    const waiting = run({ CNI_COMMAND: 'ADD' });
    while (requests.length === 0) await delay(POLL_MS);
    const closed = new Promise<void>((resolve) => server!.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
    await listen({ exitCode: 0, stdout: 'the next' });
    expect(await waiting).toMatchObject({ exitCode: 0, stdout: 'the next' });
    expect(requests.map(({ env }) => env.get('CNI_COMMAND'))).toEqual(['ADD', 'ADD']);
  });

  it('lets ADD wait for an agent that is not there yet, and then for one that is not ready', async () => {
    const waiting = run({ CNI_COMMAND: 'ADD' });
    await delay(10 * POLL_MS);
    await listen({ exitCode: 1, stdout: '{"cniVersion":"0.4.0","code":11,"msg":"try again later"}\n' });
    while (requests.length === 0) await delay(POLL_MS);
    await new Promise<void>((resolve) => server!.close(() => resolve()));
    await listen({ exitCode: 0, stdout: 'attached' });
    expect(await waiting).toMatchObject({ exitCode: 0, stdout: 'attached' });
  });

  it('lets no other call wait for an agent that is not ready', async () => {
    const later = { exitCode: 1, stdout: '{"cniVersion":"0.4.0","code":11,"msg":"try again later"}\n' };
    await listen(later);
    for (const command of ['CHECK', 'DEL']) expect(await run({ CNI_COMMAND: command })).toMatchObject(later);
    expect(requests).toHaveLength(2);
  });

  it('answers DEL with success also when it cannot be deferred', async () => {
    writeFileSync(join(folder, 'file'), '');
    const result = await run({ CNI_COMMAND: 'DEL', HEDDLE_CNI_SPOOL: join(folder, 'file') });
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toContain('could not be deferred');
  });

  it('stops waiting for an agent after its timeout', async () => {
    await listen('never');
    expect(json(await run({ CNI_COMMAND: 'ADD', ...IMPATIENT }))).toMatchObject({ code: 11 });
    expect((await run({ CNI_COMMAND: 'DEL', ...IMPATIENT })).exitCode).toBe(0);
    expect(readdirSync(spool())).toHaveLength(1);
  });

  it('finds socket and spool by the files beside the executable', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'heddle-cni'), readFileSync(built), { mode: 0o755 });
    writeFileSync(join(bin, 'heddle-cni.socket'), `${socketPath()}\n`);
    writeFileSync(join(bin, 'heddle-cni.spool'), `${spool()}\n`);
    const bare = { HEDDLE_CNI_SOCKET: '', HEDDLE_CNI_SPOOL: '' };
    await run({ CNI_COMMAND: 'DEL', ...bare }, CONFIG, join(bin, 'heddle-cni'));
    expect(readdirSync(spool())).toHaveLength(1);
    await listen({ exitCode: 0, stdout: 'hello' });
    expect((await run({ CNI_COMMAND: 'ADD', ...bare }, CONFIG, join(bin, 'heddle-cni'))).stdout).toBe('hello');
  });
});
