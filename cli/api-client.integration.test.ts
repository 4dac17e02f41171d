import { afterEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { leaveStaleSocket } from '../common/testing/stale-socket.js';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFakeTerminal, PEERS, startFakeAgent, STATUS, NO_SECRET_FILE } from './testing/fake-agent.js';
import type { FakeAgent } from './testing/fake-agent.js';
import { runMeshctl } from './main.js';

let agent: FakeAgent | null = null;

afterEach(async () => {
  await agent?.close();
  agent = null;
});

const deps = {
  uninstall: () => Promise.resolve({ removed: [], left: [], podsThatRun: [] }),
  preflight: () => Promise.resolve([]),
  secretFile: NO_SECRET_FILE,
  timeoutMs: 5_000,
};

async function ask(listener: RequestListener, command = 'status', timeoutMs = 5_000): Promise<[number, string]> {
  agent = await startFakeAgent(listener);
  return askAt(agent.socketPath, command, timeoutMs);
}

async function askAt(socketPath: string, command = 'status', timeoutMs = 5_000): Promise<[number, string]> {
  const terminal = createFakeTerminal();
  const exitCode = await runMeshctl([command, '--socket', socketPath], { ...deps, timeoutMs }, terminal);
  expect(terminal.printed.out).toBe('');
  return [exitCode, terminal.printed.err];
}

describe('when the agent cannot be asked', () => {
  it('names the missing socket', async () => {
    expect(await askAt('/nowhere/api.sock')).toEqual([
      3,
      'meshctl: no agent is listening on /nowhere/api.sock: start meshd on this node, or name another socket with ' +
        '--socket (the socket does not exist)\n',
    ]);
  });

  it('names a socket that a dead agent left', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'meshctl-test-'));
    await leaveStaleSocket(join(directory, 'left.sock'));
    const [exitCode, message] = await askAt(join(directory, 'left.sock'));
    await rm(directory, { recursive: true });
    expect(exitCode).toBe(3);
    expect(message).toMatch(/start meshd on this node.* \(the socket exists, but no process listens on it\)/);
  });

  it('reports denied permission', async () => {
    agent = await startFakeAgent();
    await chmod(agent.socketPath, 0);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534); // root may do anything
    const answer = await askAt(agent.socketPath).finally(() => (isRoot ? process.seteuid?.(0) : undefined));
    expect(answer).toEqual([3, `meshctl: permission denied on ${agent.socketPath}: run meshctl as root\n`]);
  });

  it('reports an agent that does not answer in time', async () => {
    const [exitCode, message] = await ask(() => undefined, 'status', 20);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/^meshctl: the agent on .* did not answer within 0\.02 s: see its log/);
  });

  it('reports an answer that does not end in time', async () => {
    const [exitCode, message] = await ask((_request, response) => void response.write('{'), 'status', 50);
    expect(exitCode).toBe(3);
    expect(message).toContain('did not answer within 0.05 s');
  });

  it('reports a closed connection', async () => {
    const [exitCode, message] = await ask((request) => request.socket.destroy());
    expect(exitCode).toBe(3);
    expect(message).toMatch(/closed the connection: it may be restarting/);
  });

  it('reports a connection closed within an answer', async () => {
    const [exitCode, message] = await ask((request, response) => {
      response.write('{', () => request.socket.destroy());
    });
    expect(exitCode).toBe(3);
    expect(message).toMatch(/closed the connection/);
  });
});

describe('when the answer is not the requested document', () => {
  it("prints the agent's message", async () => {
    const [exitCode, message] = await ask((_request, response) => {
      response.writeHead(503).end(JSON.stringify({ code: 'NOT_READY', message: 'starting\u001b[2J' }));
    });
    expect([exitCode, message]).toEqual([1, 'meshctl: the agent answered /v1/status: starting?[2J\n']);
  });

  it('prints the status of an answer without message', async () => {
    const [exitCode, message] = await ask((_request, response) => void response.writeHead(500).end('{}'));
    expect([exitCode, message]).toEqual([1, 'meshctl: the agent answered /v1/status: status 500\n']);
  });

  it.each(['', '<html>', '{"id":'])('reports that %j is not JSON', async (body) => {
    const [exitCode, message] = await ask((_request, response) => void response.end(body));
    expect(exitCode).toBe(1);
    expect(message).toContain(
      'the answer to /v1/status (status 200) is not JSON: another program may listen on this socket',
    );
  });

  it.each([
    ['null', null, 'the document must be object'],
    ['a list', [], 'the document must be object'],
    ['a missing field', { ...STATUS, peers: undefined }, 'required'],
    ['a field of another type', { ...STATUS, podMtuBytes: '1420' }, '/podMtuBytes must be integer'],
    ['a deep field of another type', { ...STATUS, router: { ...STATUS.router, tap: 7 } }, '/router/tap must be'],
  ])('names the field for %s', async (_name, body, problem) => {
    const [exitCode, message] = await ask((_request, response) => void response.end(JSON.stringify(body)));
    expect(exitCode).toBe(1);
    expect(message).toContain("the agent's answer to /v1/status does not fit meshctl");
    expect(message).toContain(problem);
    expect(message).toContain("use the meshctl of the agent's version");
  });

  it('prints unknown fields, states and paths of a newer agent', async () => {
    const newer = PEERS.map((peer) => ({ ...peer, state: 'sleeping', path: 'relay', colour: 'green' }));
    agent = await startFakeAgent((_request, response) => void response.end(JSON.stringify(newer)));
    const terminal = createFakeTerminal();
    expect(await runMeshctl(['peers', '--socket', agent.socketPath], deps, terminal)).toBe(0);
    expect(terminal.printed.out).toMatch(/node-b .* relay +sleeping /);
    expect(await runMeshctl(['peers', '-o', 'json', '--socket', agent.socketPath], deps, terminal)).toBe(0);
    expect(terminal.printed.out).toContain('"colour": "green"');
  });
});
