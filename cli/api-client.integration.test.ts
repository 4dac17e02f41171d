import { afterEach, describe, expect, it } from '@jest/globals';
import { chmod, link, mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFakeTerminal, PEERS, startFakeAgent, STATUS } from './testing/fake-agent.js';
import type { FakeAgent } from './testing/fake-agent.js';
import { runMeshctl } from './main.js';

let agent: FakeAgent | null = null;

afterEach(async () => {
  await agent?.close();
  agent = null;
});

const deps = { uninstall: () => Promise.resolve({ removed: [] }), timeoutMs: 5_000 };

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

describe('when no agent can be asked', () => {
  it('says that no agent is listening when there is no socket', async () => {
    expect(await askAt('/nowhere/api.sock')).toEqual([
      3,
      'meshctl: no agent is listening on /nowhere/api.sock: is meshd running on this node? ' +
        '(there is no such socket; --socket names another)\n',
    ]);
  });

  it('says so too when the agent died and left its socket behind', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'meshctl-test-'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'api.sock'), resolve));
    await link(join(directory, 'api.sock'), join(directory, 'left.sock')); // closing removes the first name only
    await new Promise((resolve) => server.close(resolve));
    const [exitCode, message] = await askAt(join(directory, 'left.sock'));
    await rm(directory, { recursive: true });
    expect(exitCode).toBe(3);
    expect(message).toMatch(/is meshd running on this node\? \(the socket is there, but nobody answers on it\)/);
  });

  it('says that permission is denied, which is something else', async () => {
    agent = await startFakeAgent();
    await chmod(agent.socketPath, 0);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534); // root may do anything
    const answer = await askAt(agent.socketPath).finally(() => (isRoot ? process.seteuid?.(0) : undefined));
    expect(answer).toEqual([3, `meshctl: permission denied on ${agent.socketPath}: run meshctl as root\n`]);
  });

  it('says that the agent does not answer when it does not in time', async () => {
    const [exitCode, message] = await ask(() => undefined, 'status', 20);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/^meshctl: the agent on .* did not answer within 0\.02 s: is it stuck\?/);
  });

  it('does not wait for ever for the rest of an answer', async () => {
    const [exitCode, message] = await ask((_request, response) => void response.write('{'), 'status', 50);
    expect(exitCode).toBe(3);
    expect(message).toContain('did not answer within 0.05 s');
  });

  it('says that the agent closed the connection', async () => {
    const [exitCode, message] = await ask((request) => request.socket.destroy());
    expect(exitCode).toBe(3);
    expect(message).toMatch(/closed the connection: is it restarting\?/);
  });

  it('says so too when it closes it in the middle of an answer', async () => {
    const [exitCode, message] = await ask((request, response) => {
      response.write('{', () => request.socket.destroy());
    });
    expect(exitCode).toBe(3);
    expect(message).toMatch(/closed the connection/);
  });
});

describe('when the answer is not what was asked for', () => {
  it('passes on what the agent says', async () => {
    const [exitCode, message] = await ask((_request, response) => {
      response.writeHead(503).end(JSON.stringify({ code: 'NOT_READY', message: 'starting\u001b[2J' }));
    });
    expect([exitCode, message]).toEqual([1, 'meshctl: the agent refused /v1/status: starting?[2J\n']);
  });

  it('tells the status when the agent says nothing', async () => {
    const [exitCode, message] = await ask((_request, response) => void response.writeHead(500).end('{}'));
    expect([exitCode, message]).toEqual([1, 'meshctl: the agent refused /v1/status: status 500\n']);
  });

  it.each(['', '<html>', '{"id":'])('says that %j is not JSON', async (body) => {
    const [exitCode, message] = await ask((_request, response) => void response.end(body));
    expect(exitCode).toBe(1);
    expect(message).toContain('the answer to /v1/status (status 200) is not JSON: is it an agent that listens there?');
  });

  it.each([
    ['null', null, 'it must be object'],
    ['a list', [], 'it must be object'],
    ['a missing field', { ...STATUS, peers: undefined }, 'required'],
    ['a field of another type', { ...STATUS, podMtuBytes: '1420' }, '/podMtuBytes must be integer'],
    ['a deep field of another type', { ...STATUS, router: { ...STATUS.router, tap: 7 } }, '/router/tap must be'],
  ])('names the field for %s', async (_name, body, problem) => {
    const [exitCode, message] = await ask((_request, response) => void response.end(JSON.stringify(body)));
    expect(exitCode).toBe(1);
    expect(message).toContain("the agent's answer to /v1/status is not what meshctl");
    expect(message).toContain(problem);
    expect(message).toContain('are both of the same version?');
  });

  it('prints what a newer agent adds: fields, states and paths it does not know', async () => {
    const newer = PEERS.map((peer) => ({ ...peer, state: 'sleeping', path: 'relay', colour: 'green' }));
    agent = await startFakeAgent((_request, response) => void response.end(JSON.stringify(newer)));
    const terminal = createFakeTerminal();
    expect(await runMeshctl(['peers', '--socket', agent.socketPath], deps, terminal)).toBe(0);
    expect(terminal.printed.out).toMatch(/node-b .* relay +sleeping /);
    expect(await runMeshctl(['peers', '-o', 'json', '--socket', agent.socketPath], deps, terminal)).toBe(0);
    expect(terminal.printed.out).toContain('"colour": "green"');
  });
});
