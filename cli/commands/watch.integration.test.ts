import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createFakeTerminal, PEERS, ROUTES, startFakeAgent, NO_SECRET_FILE } from '../testing/fake-agent.js';
import type { FakeAgent, FakeTerminal } from '../testing/fake-agent.js';
import { runMeshctl } from '../main.js';

let agent: FakeAgent;
let terminal: FakeTerminal;

beforeEach(async () => {
  agent = await startFakeAgent();
  terminal = createFakeTerminal();
  agent.answers.set('/v1/routes', ROUTES.slice(0, 1));
});

afterEach(async () => {
  terminal.leave();
  await agent.close();
});

const deps = {
  uninstall: () => Promise.resolve({ removed: [], left: [], podsThatRun: [] }),
  preflight: () => Promise.resolve([]),
  secretFile: NO_SECRET_FILE,
};
const watch = (...argv: string[]): Promise<number> =>
  runMeshctl(['routes', '--watch', '--socket', agent.socketPath, ...argv], deps, terminal);
const prints = (pattern: RegExp) => (): boolean => pattern.test(terminal.printed.out);
/** Sends an event on the open stream. */
const announce = (): void => agent.streams.forEach((stream) => stream.write('event: status\ndata: {}\n\n'));
describe('--watch', () => {
  it('prints again on an event when the document changed, and only then', async () => {
    agent.answers.set('/v1/events', true);
    const done = watch();
    await agent.untilAsked('/v1/events', 1);
    announce();
    await agent.untilAsked('/v1/routes', 2);
    agent.answers.set('/v1/routes', ROUTES.slice(0, 2));
    announce();
    await terminal.until(prints(/node-b/));
    terminal.leave();
    expect(await done).toBe(0);
    expect(terminal.printed.out.split('\n\n')).toHaveLength(2);
    expect(terminal.printed.out.match(/CIDR/g)).toHaveLength(2);
    expect(terminal.printed.err).toBe('');
  });

  it('polls an agent without event stream, and reports it once', async () => {
    const done = watch('-o', 'json');
    await terminal.until(() => terminal.waiting === 1);
    agent.answers.set('/v1/routes', ROUTES.slice(1));
    terminal.tick();
    await terminal.until(() => terminal.waiting === 1);
    terminal.leave();
    expect(await done).toBe(0);
    expect(terminal.printed.err).toBe(
      'meshctl: the agent answered /v1/events?form=differences with status 404; trying again every 2 s\n',
    );
    const documents = terminal.printed.out.split(/(?<=^\])\n/m).filter((text) => text !== '');
    expect(documents.map((text) => JSON.parse(text) as unknown)).toEqual([ROUTES.slice(0, 1), ROUTES.slice(1)]);
  });

  it('continues when an agent ends and comes back', async () => {
    agent.answers.set('/v1/events', true);
    const done = watch('-o', 'yaml');
    await agent.untilAsked('/v1/events', 1);
    agent.answers.clear();
    agent.streams.forEach((stream) => stream.destroy());
    await terminal.until(() => terminal.waiting === 1);
    terminal.tick();
    await terminal.until(() => terminal.waiting === 1);
    expect(terminal.printed.err).toContain('nothing at /v1/routes; trying again every 2 s\n');
    agent.answers.set('/v1/routes', ROUTES);
    terminal.tick();
    await terminal.until(prints(/^---\n[^]*node-c/m));
    terminal.leave();
    expect(await done).toBe(0);
  });

  it('draws over the old table on a terminal', async () => {
    terminal.columns = 100;
    agent.answers.set('/v1/events', true);
    const done = watch();
    await agent.untilAsked('/v1/events', 1);
    agent.answers.set('/v1/routes', ROUTES);
    announce();
    await terminal.until(prints(/node-c/));
    terminal.leave();
    await done;
    expect(terminal.printed.out.split('\u001b[H\u001b[J')).toHaveLength(3);
    expect(terminal.printed.out.startsWith('\u001b[H\u001b[J')).toBe(true);
  });

  it('fails at once when the first request fails', async () => {
    agent.answers.delete('/v1/routes');
    expect(await watch()).toBe(1);
    agent.answers.set('/v1/peers', PEERS);
    expect(await runMeshctl(['peers', '-w', '--socket', '/nowhere/api.sock'], deps, terminal)).toBe(3);
  });
});
