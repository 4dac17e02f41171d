import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runMeshctl } from '../main.js';
import { createFakeTerminal, DECISION, POLICIES, startFakeAgent, NO_SECRET_FILE } from '../testing/fake-agent.js';
import type { FakeAgent, FakeTerminal } from '../testing/fake-agent.js';

let agent: FakeAgent;
let terminal: FakeTerminal;

beforeEach(async () => {
  agent = await startFakeAgent();
  terminal = createFakeTerminal();
});

afterEach(() => agent.close());

const deps = {
  uninstall: () => Promise.resolve({ removed: [], left: [], podsThatRun: [] }),
  preflight: () => Promise.resolve([]),
  secretFile: NO_SECRET_FILE,
};

const run = (...argv: string[]): Promise<number> => runMeshctl(['--socket', agent.socketPath, ...argv], deps, terminal);

async function printed(...argv: string[]): Promise<string> {
  expect(await run(...argv)).toBe(0);
  expect(terminal.printed.err).toBe('');
  return terminal.printed.out;
}

describe('meshctl policy', () => {
  it('lists what each pod of the node is allowed, and which parts of policies cannot be read', async () => {
    agent.answers.set('/v1/policies', POLICIES);
    expect(await printed('policy')).toBe(
      [
        'POD        DIRECTION   POLICY     RULE   PORTS       ALLOWED',
        'red/db-0   ingress     red/deny   -      -           nobody',
        'red/db-0   ingress     red/web    0      TCP 80      pods with app=web of namespace red',
        'red/db-0   egress      -          -      all ports   everyone (not isolated)',
        'red/late   ingress     -          -      -           nobody, until the API server tells of the pod',
        'red/late   egress      -          -      -           nobody, until the API server tells of the pod',
        '',
        'cannot be read, and allows nothing: red/web: spec.ingress[1].ports[0]: unknown protocol "ICMP"',
        '',
        'denied lately, as far as this node saw it:',
        'LAST   FROM       TO                    TRAFFIC   BY',
        '60s    10.1.2.9   red/db-0 (10.1.1.5)   TCP 81    ingress: default deny: isolated by red/deny, red/web, and no rule allows this',
        '',
      ].join('\n'),
    );
  });

  it('shows one pod, also as a document', async () => {
    agent.answers.set('/v1/policies/red%2Fdb-0', POLICIES[0]);
    expect(await printed('policy', 'red/db-0', '-o', 'wide')).toContain(' 10.1.1.5,fd00:1::5 ');
    terminal.printed.out = '';
    expect(JSON.parse(await printed('policy', 'red/db-0', '-o', 'json'))).toEqual(POLICIES[0]);
    expect(await run('policy', 'db-1')).toBe(1);
  });
});

describe('meshctl policy test', () => {
  const path = '/v1/policy-decisions/10.1.2.9/red%2Fdb-0/TCP/80';

  it('names the rule that allows, and exits with 0', async () => {
    agent.answers.set(path, DECISION);
    expect(await printed('policy', 'test', '10.1.2.9', 'red/db-0:80')).toBe(
      [
        'ALLOWED: 10.1.2.9 to red/db-0 (10.1.1.5), TCP 80',
        '  egress   allowed  not isolated: no policy selects 10.1.2.9 for egress',
        '  ingress  allowed  by red/web, spec.ingress[0]: TCP 80 from pods with app=web of namespace red',
        '',
      ].join('\n'),
    );
    terminal.printed.out = '';
    expect(JSON.parse(await printed('policy', 'test', '10.1.2.9', 'red/db-0:80', '-o', 'json'))).toEqual(DECISION);
  });

  it('names the policies that isolate, and exits with 1', async () => {
    const [flow] = DECISION.flows;
    const ingress = { allowed: false, verdict: 'defaultDeny', policies: ['red/deny', 'red/web'], rule: null };
    agent.answers.set(path, { ...DECISION, allowed: false, flows: [{ ...flow, allowed: false, ingress }] });
    expect(await run('policy', 'test', '10.1.2.9', 'red/db-0:80/tcp')).toBe(1);
    expect(terminal.printed.out).toMatch(/^DENIED: 10\.1\.2\.9 to red/);
    expect(terminal.printed.out).toContain(
      '  ingress  denied   default deny: isolated by red/deny, red/web, and no rule allows this\n',
    );
  });

  it.each([
    ['web', 'web/TCP/any'],
    ['web:53/UDP', 'web/UDP/53'],
    ['red/web/sctp', 'red%2Fweb/SCTP/any'],
    ['10.0.0.1:80', '10.0.0.1/TCP/80'],
    ['fd00::1:80', 'fd00%3A%3A1%3A80/TCP/any'],
    ['[fd00::1]:80/udp', 'fd00%3A%3A1/UDP/80'],
  ])('asks about %s, and exits with 5 when the agent has no decision', async (to, asked) => {
    expect(await run('policy', 'test', 'a', to)).toBe(5);
    expect(agent.asked).toEqual([`/v1/policy-decisions/a/${asked}`]);
    expect(terminal.printed.err).toContain('meshctl: the agent answered');
  });

  it.each(['web:', 'web:0', 'web:65536', 'web:http', 'web:80/icmp', '[fd00::1', ''])(
    'refuses the destination "%s" without a request',
    async (to) => {
      expect(await run('policy', 'test', 'a', to)).toBe(2);
      expect(terminal.printed.err).toContain('Expected POD[:port][/protocol], port 1 to 65535');
      expect(agent.asked).toEqual([]);
    },
  );
});
