import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { HEDDLE_VERSION } from '../common/version.js';
import { parseYaml } from '../common/codec/yaml.js';
import {
  NOW,
  createFakeTerminal,
  ENDPOINTS,
  PEERS,
  ROUTES,
  startFakeAgent,
  STATUS,
  TOPOLOGY,
} from './testing/fake-agent.js';
import type { FakeAgent, FakeTerminal } from './testing/fake-agent.js';
import { runMeshctl } from './main.js';
import type { Finding } from '../agent/preflight/index.js';
import type { UninstallOptions } from './uninstall/command.js';

let agent: FakeAgent;
let terminal: FakeTerminal;
let uninstalled: UninstallOptions[];
let left: string[];

beforeEach(async () => {
  agent = await startFakeAgent();
  terminal = createFakeTerminal();
  uninstalled = [];
  left = [];
  secretFile = { path: '/etc/heddle/cluster-secret', ids: ['aaaaaaaa'] };
  agent.answers.set('/v1/peers', PEERS);
  agent.answers.set('/v1/peers/node-b', PEERS[0]);
  agent.answers.set('/v1/routes', ROUTES);
  agent.answers.set('/v1/endpoints', ENDPOINTS);
  agent.answers.set('/v1/status', STATUS);
  agent.answers.set('/v1/topology', TOPOLOGY);
});

afterEach(async () => {
  await agent.close();
});

const deps = {
  uninstall: (options: UninstallOptions) => {
    uninstalled.push(options);
    return Promise.resolve({ removed: ['interface heddle0', 'nft table inet heddle'], left, podsThatRun: left });
  },
  preflight: () => Promise.resolve(FINDINGS),
  secretFile: {
    ids: (path: string) => Promise.resolve(secretFile.path === path ? secretFile.ids : []),
    add: () => Promise.resolve((secretFile.ids = [...secretFile.ids, 'bbbbbbbb'])),
    dropOld: () => Promise.resolve((secretFile.ids = secretFile.ids.slice(-1))),
  },
};
let secretFile: { path: string; ids: readonly string[] };
const FINDINGS: Finding[] = [
  { check: 'veth', verdict: 'ok', message: 'veth pairs can be made', line: null },
  {
    check: 'input',
    verdict: 'warning',
    message: 'chain inet f input drops',
    line: 'nft insert rule inet f input accept',
  },
];

const run = (...argv: string[]): Promise<number> => runMeshctl(['--socket', agent.socketPath, ...argv], deps, terminal);

async function printed(...argv: string[]): Promise<string> {
  expect(await run(...argv)).toBe(0);
  expect(terminal.printed.err).toBe('');
  return terminal.printed.out;
}

describe('meshctl peers', () => {
  it('prints aligned columns without borders or colours', async () => {
    expect(await printed('peers')).toBe(
      [
        'NAME                      KEY        ENDPOINT         PATH     STATE   RTT      MTU    RX        TX     SINCE',
        'a-node-with-a-long-name   AAECAwQF   -                none     down    -        -      0B        0B     -',
        'node-b                    q83vEjRW   192.0.2.2:6785   direct   up      0.43ms   1500   1.20GiB   512B   5m12s',
        '',
      ].join('\n'),
    );
  });

  it('prints more columns with -o wide', async () => {
    const [header, second, first] = (await printed('peers', '-o', 'wide')).split('\n');
    expect(header!.split(/ {2,}/)).toEqual(
      'NAME,ID,KEY,ENDPOINT,PATH,STATE,RTT,LOSS,MTU,RX,TX,SINCE,CIPHER,POD CIDRS,VERSION,LAST HANDSHAKE,PATH REASON,REASON'.split(
        ',',
      ),
    );
    expect(first!.split(/ {2,}/)).toEqual([
      ...[
        'node-b',
        '0123456789abcdef0123456789abcdef',
        'q83vEjRW',
        '192.0.2.2:6785',
        'direct',
        'up',
        '0.43ms',
        '<0.1%',
      ],
      ...['1500', '1.20GiB', '512B', '5m12s', 'aes-256-gcm', '10.1.2.0/24,fd00:2::/64', '0.1.0', '70s', '-', 'answers'],
    ]);
    expect(second!.endsWith('no answer from 192.0.2.3:6785 for 12 s')).toBe(true);
    expect(second!.split(/ {2,}/)).toHaveLength(18);
  });

  it('names the node that relays, and says why with -o wide', async () => {
    const pathReason = 'no answer without a relay; probed directly every 10 s';
    agent.answers.set('/v1/peers', [{ ...PEERS[0], path: 'relayed', via: 'node-c', pathReason }]);
    const wide = (await printed('peers', '-o', 'wide')).split('\n')[1]!.split(/ {2,}/);
    expect(wide).toEqual(expect.arrayContaining(['via node-c', pathReason]));
  });

  it('prints the document itself with -o json and -o yaml', async () => {
    const sorted = [...PEERS].reverse();
    expect(JSON.parse(await printed('peers', '-o', 'json'))).toEqual(sorted);
    terminal.printed.out = '';
    expect(parseYaml(await printed('peers', '-o', 'yaml'))).toEqual(sorted);
  });

  it('requests one peer by name or id', async () => {
    expect((await printed('peers', 'node-b')).split('\n')).toHaveLength(3);
    terminal.printed.out = '';
    expect(JSON.parse(await printed('peers', 'node-b', '-o', 'json'))).toEqual(PEERS[0]);
    expect(await run('peers', '../status?x#y')).toBe(1);
    expect(agent.asked.at(-1)).toBe('/v1/peers/..%2Fstatus%3Fx%23y');
  });

  it('prints a sentence when there are none', async () => {
    agent.answers.set('/v1/peers', []);
    expect(await printed('peers')).toBe('No peers yet: no other node is known.\n');
    terminal.printed.out = '';
    expect(await printed('peers', '-o', 'json')).toBe('[]\n');
  });

  it('colours the state on a terminal, and keeps the columns aligned', async () => {
    terminal.columns = 200;
    const lines = (await printed('peers')).split('\n');
    expect(lines[2]).toContain('\u001b[32mup\u001b[39m      0.43ms');
    expect(lines[1]).toContain('\u001b[31mdown\u001b[39m    -');
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('prints no colour on a terminal with %j', async (env) => {
    terminal.columns = 200;
    terminal.env = env;
    expect(await printed('peers')).not.toContain('\u001b');
  });

  it('shortens the last column to fit the terminal, and nothing when the output is a file', async () => {
    const whole = (await printed('peers', '-o', 'wide')).split('\n')[1]!;
    terminal.printed.out = '';
    terminal.env = { NO_COLOR: '1' };
    terminal.columns = whole.length - 10;
    const fitted = (await printed('peers', '-o', 'wide')).split('\n')[1]!;
    expect(fitted).toHaveLength(whole.length - 10);
    expect(fitted.endsWith('for...')).toBe(false);
    expect(fitted).toMatch(/no answer from 192\.0\.2\.3.*\.\.\.$/);
  });

  it('replaces control characters in names of other nodes', async () => {
    agent.answers.set('/v1/peers', [{ ...PEERS[0], name: 'x\u001b[2J\u009b\u202ey\nz' }]);
    expect((await printed('peers')).split('\n')[1]).toMatch(/^x\?\[2J\?\?y\?z /);
  });
});

describe('the whole cluster from one node', () => {
  const lines = async (...argv: string[]) => {
    terminal.printed.out = '';
    return (await printed(...argv)).trimEnd().split('\n');
  };

  it('lists nodes by name, or the worst first, or by state', async () => {
    expect(await lines('nodes')).toEqual([
      'NAME   STATE   RTT      LOSS   PODS   REPORTED   ENDPOINT         POD CIDRS',
      'n1     self    -        -      1      0s         192.0.2.1:6785   10.1.1.0/24',
      'n2     down    -        100%   1      5m12s      192.0.2.2:6785   10.1.2.0/24,fd00:2::/64',
      'n10    up      0.43ms   0%     0      1s         192.0.2.3:6785   10.1.3.0/24',
    ]);
    expect((await lines('nodes', '--sort-by', 'state')).map((line) => line.split(' ')[0])).toEqual([
      ...['NAME', 'n2', 'n10', 'n1'],
    ]);
    expect(await lines('nodes', '--state', 'down')).toHaveLength(2);
    const document = JSON.parse((await lines('nodes', '-o', 'json')).join('')) as { name: string }[];
    expect(document.map(({ name }) => name)).toEqual(['n1', 'n2', 'n10']);
  });

  it('lists the pods of a dead node with the age of its report', async () => {
    expect(await lines('pods')).toEqual([
      'NAME            IPS                  NODE   STATE   REPORTED',
      'default/db-0    10.1.2.9,fd00:2::9   n2     down    5m12s',
      'default/web-0   10.1.1.5             n1     self    0s',
    ]);
  });

  it('lists all links by the names of their ends', async () => {
    expect((await lines('links', '--sort-by', 'loss'))[1]).toMatch(/^n1 +n2 +down +- +100% +- /);
  });

  it.each([
    ['10.1.2.9', /^pod +default\/db-0 .* n2 +down +5m12s$/],
    ['fd00:0002:0::9', /^pod +default\/db-0/],
    ['192.0.2.3', /^node +n10 /],
    ['10.1.3.77', /^podCidr +10\.1\.3\.0\/24 +- +n10 +up/],
  ])('says who has %s', async (address, line) => {
    expect((await lines('who', address))[1]).toMatch(line);
  });

  it.each(['pod-a', '10.1.2.256', '10.1.2.0/24'])('takes %s for no address', async (text) => {
    expect(await run('who', text)).toBe(2);
    expect(terminal.printed.err).toContain(`argument value '${text}' is invalid`);
    expect(terminal.printed.err).toContain('Expected an IP address');
  });

  it('exits with 1 when nobody has the address', async () => {
    expect(await run('who', '203.0.113.1')).toBe(1);
    expect(terminal.printed.out).toContain('no pod, node or pod CIDR of this cluster has this address');
  });
});

describe('meshctl completion', () => {
  const complete = (script: string, ...words: string[]): string[] => {
    const ask = `COMP_WORDS=(meshctl ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _meshctl`;
    const bash = spawnSync('bash', ['--norc', '-c', `${script}\n${ask}; printf '%s\\n' "\${COMPREPLY[@]}"`]);
    return bash.stdout.toString().trim().split('\n');
  };

  it('completes commands, options and their values in bash', async () => {
    expect(await runMeshctl(['completion', 'bash'], deps, terminal)).toBe(0);
    const script = terminal.printed.out;
    expect(complete(script, 'st')).toEqual(['status']);
    expect(complete(script, '--socket', '/x', 'pods', '--st')).toEqual(['--state']);
    expect(complete(script, 'nodes', '-o', 'j')).toEqual(['json']);
    expect(complete(script, 'completion', 'f')).toEqual(['fish']);
    expect(complete(script, 'policy', 't')).toEqual(['test']);
    expect(complete(script, 'policy', 'test', 'a', 'b', '-o', 'j')).toEqual(['json']);
  });

  it('has scripts for zsh and fish, and refuses another shell', async () => {
    await runMeshctl(['completion', 'zsh'], deps, terminal);
    expect(terminal.printed.out).toMatch(/^#compdef meshctl\nautoload -U \+X bashcompinit/);
    terminal.printed.out = '';
    await runMeshctl(['completion', 'fish'], deps, terminal);
    expect(terminal.printed.out).toContain("complete -c meshctl -f -n __fish_use_subcommand -a status -d 'this node");
    expect(await runMeshctl(['completion', 'csh'], deps, terminal)).toBe(2);
  });
});

describe('meshctl routes', () => {
  it('prints the owner of each pod CIDR', async () => {
    expect(await printed('routes')).toBe(
      [
        'CIDR          NODE     VIA           CONFLICT   WHY',
        '10.1.1.0/24   node-a   local         -          -',
        '10.1.2.0/24   node-b   link          node-x     node-b was in the cluster earlier',
        'fd00:3::/64   node-c   unreachable   -          -',
        '',
      ].join('\n'),
    );
  });

  it('has node ids with -o wide, and the document as json and yaml', async () => {
    expect(await printed('routes', '-o', 'wide')).toMatch(
      /^CIDR +NODE +NODE ID +VIA +CONFLICT +WHY\n10\.1\.1\.0\/24 +node-a +aaaa +local/,
    );
    terminal.printed.out = '';
    expect(JSON.parse(await printed('routes', '-ojson'))).toEqual(ROUTES);
    terminal.printed.out = '';
    expect(parseYaml(await printed('routes', '--output=yaml'))).toEqual(ROUTES);
  });
});

describe('meshctl endpoints', () => {
  it('prints the pods of this node', async () => {
    expect(await printed('endpoints')).toBe(
      [
        'NAMESPACE   POD     CONTAINER       IPS                  INTERFACE        SINCE',
        'default     web-0   4f2c1d0e9b8a7   10.1.1.5,fd00:1::5   hd4f2c1d0e9b8a   120m',
        '-           -       demo            10.1.1.6             hddemo           30s',
        '',
      ].join('\n'),
    );
  });

  it('prints interfaces and namespaces with -o wide, and the document as json and yaml', async () => {
    expect(await printed('endpoints', '-o', 'wide')).toMatch(
      /MAC +IFNAME +NETNS\n.*0a:58:0a:01:01:05 +eth0 +\/run\/netns\/pod-a\n/,
    );
    terminal.printed.out = '';
    expect(JSON.parse(await printed('endpoints', '-o', 'json'))).toEqual(ENDPOINTS);
    terminal.printed.out = '';
    expect(parseYaml(await printed('endpoints', '-o', 'yaml'))).toEqual(ENDPOINTS);
  });
});

describe('meshctl status', () => {
  it('says how many peers have no link because none is needed', async () => {
    agent.answers.set('/v1/status', { ...STATUS, peers: { total: 49, up: 16, idle: 33 } });
    expect(await printed('status')).toContain(
      '\nPeers       16 of 49 up, 33 idle: a link comes with the first frame\n',
    );
  });

  it('prints facts about the node, then its conditions and what to do', async () => {
    expect(await printed('status')).toBe(
      [
        'Node        node-a (00112233445566778899aabbccddeeff)',
        'Version     0.1.0, up 3d',
        'Underlay    0.0.0.0:6785 (192.0.2.1, 2001:db8::1), aes-256-gcm',
        'Pod CIDRs   10.1.1.0/24, fd00:1::/64 of 10.1.0.0/16, fd00::/16, MTU 1420',
        'Router      connected (heddle-tap, instance 7f3a)',
        'Peers       2 of 3 up',
        'Addresses   10.1.1.0/24: 2 of 253 used, 1 in quarantine',
        'Addresses   fd00:1::/64: 1 of 65533 used',
        'Drops       17 (replay 12, no-route 3, source-mismatch 1, ...)',
        '',
        'NOT READY: 1 of 2 conditions not met.',
        '  ok      router',
        '  missing peers: no seed answers: open UDP port 6785 between the nodes',
        '',
      ].join('\n'),
    );
  });

  it('has the key and every drop reason with -o wide', async () => {
    const text = await printed('status', '-o', 'wide');
    expect(text).toContain('Key         ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n');
    expect(text).toContain('Drops       17 (replay 12, no-route 3, source-mismatch 1, too-long 1, bad-tag 0)\n');
  });

  it('counts what is relayed', async () => {
    agent.answers.set('/v1/status', { ...STATUS, relays: { pairs: 2, peers: 1 } });
    expect(await printed('status')).toContain('Relays      1 peer through others, between 2 pairs\n');
  });

  it('says that nothing is relayed with -o wide only', async () => {
    agent.answers.set('/v1/status', { ...STATUS, relays: { pairs: 0, peers: 0 } });
    expect(await printed('status')).not.toContain('Relays');
    expect(await printed('status', '-o', 'wide')).toContain('Relays      0 peers through others, between 0 pairs\n');
  });

  it('prints few lines for a healthy node', async () => {
    const router = { connected: false, instance: null, tap: null };
    const fine = { ready: true, conditions: [], drops: {}, addresses: [], podCidrs: [], clusterCidrs: [], router };
    agent.answers.set('/v1/status', { ...STATUS, ...fine });
    const text = await printed('status');
    expect(text).toContain('Pod CIDRs   none of none, MTU 1420\nRouter      not connected\n');
    expect(text.endsWith('Drops       0\n\nOK: ready.\n')).toBe(true);
  });

  it('exits with 1 for a node that is not ready only with --check', async () => {
    expect(await run('status')).toBe(0);
    expect(await run('status', '--check')).toBe(1);
    agent.answers.set('/v1/status', { ...STATUS, ready: true });
    expect(await run('status', '--check', '-o', 'json')).toBe(0);
  });

  it('shows a warning, exits with 4 for it with --check, and lists the targets with cause', async () => {
    const conditions = [
      { name: 'router', ok: true, message: '', required: true },
      { name: 'peers', ok: false, message: 'no link to n3 (nothing heard for 6 s)', required: false },
    ];
    const target = { kind: 'seed', node: null, attempts: 12, lastAnswer: null, state: 'refused' };
    const targets = [{ ...target, address: '192.0.2.2:6785', cause: 'has another cluster secret' }];
    agent.answers.set('/v1/status', { ...STATUS, ready: true, verdict: 'warning', conditions, targets });
    expect(await run('status', '--check')).toBe(4);
    expect(terminal.printed.out.split('\n').slice(-7)).toEqual([
      'WARNING: ready, with 1 warning.',
      '  ok      router',
      '  warning peers: no link to n3 (nothing heard for 6 s)',
      '',
      'TARGET           KIND   NODE   STATE     ATTEMPTS   LAST ANSWER   CAUSE',
      '192.0.2.2:6785   seed   -      refused   12         -             has another cluster secret',
      '',
    ]);
  });

  it('prints the document as json and yaml', async () => {
    expect(JSON.parse(await printed('status', '-o', 'json'))).toEqual(STATUS);
    terminal.printed.out = '';
    expect(parseYaml(await printed('status', '-o', 'yaml'))).toEqual(STATUS);
  });
});

describe('meshctl key', () => {
  it("prints the node's line for lists of keys", async () => {
    agent.answers.set('/v1/status', STATUS);
    expect(await printed('key')).toBe(`${STATUS.name} ${STATUS.publicKey}\n`);
  });
});

describe('meshctl version', () => {
  it('prints both versions', async () => {
    agent.answers.set('/v1/status', { ...STATUS, version: '9.9.9' });
    expect(await printed('version')).toBe(`meshctl  ${HEDDLE_VERSION}\nagent    9.9.9\n`);
    terminal.printed.out = '';
    expect(JSON.parse(await printed('version', '-o', 'json'))).toEqual({ meshctl: HEDDLE_VERSION, agent: '9.9.9' });
  });

  it('prints its own version and the error when there is no agent', async () => {
    expect(await runMeshctl(['--socket', '/nowhere/api.sock', 'version'], deps, terminal)).toBe(3);
    expect(terminal.printed.out).toBe(`meshctl  ${HEDDLE_VERSION}\nagent    unknown\n`);
    expect(terminal.printed.err).toContain('no agent is listening');
    expect(await runMeshctl(['--version'], deps, terminal)).toBe(0);
  });
});

describe('meshctl forget', () => {
  const path = '/v1/revoked/node-b';

  it('asks the agent to revoke a node, and says how to undo it', async () => {
    agent.answers.set(path, { id: 'bbbb', name: 'node-b', by: 'node-a', at: NOW });
    expect(await printed('forget', 'node-b')).toBe(
      'node-b (bbbb) is forgotten: all nodes refuse it from now on. To let it come back: meshctl forget --undo bbbb\n',
    );
    terminal.printed.out = '';
    expect(await printed('forget', '--undo', 'node-b')).toBe('node-b (bbbb) may link again.\n');
    expect(agent.asked).toEqual([`PUT ${path}`, `DELETE ${path}`]);
  });

  it('needs a node, and prints why the agent refuses', async () => {
    expect(await run('forget')).toBe(2);
    expect(await run('forget', 'node-x')).toBe(1);
    expect(terminal.printed.err).toContain('nothing at /v1/revoked/node-x');
  });
});

describe('meshctl rotate', () => {
  /** What this node and the other one say they have. */
  const have = (own: readonly string[], other: readonly string[] | undefined) => {
    agent.answers.set('/v1/status', { ...STATUS, clusterSecret: { file: secretFile.path, ids: own } });
    agent.answers.set('/v1/peers', [{ ...PEERS[0], ...(other === undefined ? {} : { secretIds: other }) }]);
  };
  const table = (own: string, other: string) =>
    `NODE     STATE   SECRETS\nnode-a   self    ${own}\nnode-b   up      ${other}\n\n`;

  it('adds a new secret to the file once, and says what is to be done', async () => {
    have(['aaaaaaaa'], ['aaaaaaaa']);
    expect(await printed('rotate')).toContain('has a second, new secret now: old aaaaaaaa, new bbbbbbbb.');
    expect(await printed('rotate')).toContain('has two secrets already: old aaaaaaaa, new bbbbbbbb.');
    expect(secretFile.ids).toEqual(['aaaaaaaa', 'bbbbbbbb']);
  });

  it.each([
    [['aaaaaaaa'], ['aaaaaaaa'], 0, '2 of 2 nodes have the secret aaaaaaaa.\n'],
    [['aaaaaaaa', 'bbbbbbbb'], ['aaaaaaaa'], 1, '1 of 2 nodes have the secret bbbbbbbb; without it: node-b (up).'],
    [['bbbbbbbb'], ['aaaaaaaa', 'bbbbbbbb'], 0, 'With another one besides: node-b (up).\n'],
    [['bbbbbbbb'], undefined, 1, '; without it: node-b (up).\n'],
  ])('shows with --status how far %j and %j are', async (own, other, exitCode, says) => {
    have(own, other);
    expect(await run('rotate', '--status')).toBe(exitCode);
    expect(terminal.printed.out).toContain(
      table(own.join(', '), other?.join(', ') ?? 'unknown, of an earlier version'),
    );
    expect(terminal.printed.out).toContain(says);
    expect(secretFile.ids).toEqual(['aaaaaaaa']);
  });

  it('drops the old secret with --end, not before all nodes have the new one', async () => {
    secretFile.ids = ['aaaaaaaa', 'bbbbbbbb'];
    have(secretFile.ids, ['aaaaaaaa']);
    expect(await run('rotate', '--end')).toBe(1);
    expect(terminal.printed.err).toContain('the old secret stays, since node-b (up) would be cut off without it');
    terminal.printed.err = '';
    have(secretFile.ids, secretFile.ids);
    expect(await printed('rotate', '--end')).toContain('has the secret bbbbbbbb alone');
    expect(secretFile.ids).toEqual(['bbbbbbbb']);
    expect(await run('rotate', '--end', '--status')).toBe(2);
  });
});

describe('meshctl preflight', () => {
  it('prints the findings, then the lines to type, and exits with 4 for warnings', async () => {
    expect(await run('preflight')).toBe(4);
    expect(terminal.printed.out.split('\n')).toEqual([
      'VERDICT   CHECK   FOUND',
      'ok        veth    veth pairs can be made',
      'warning   input   chain inet f input drops',
      'input: nft insert rule inet f input accept',
      '',
    ]);
  });

  it('prints JSON, and exits with 0 when everything is there and with 1 when something is missing', async () => {
    const withFindings = (...findings: Finding[]) =>
      runMeshctl(['preflight', '--json'], { ...deps, preflight: () => Promise.resolve(findings) }, terminal);
    expect(await withFindings(FINDINGS[0]!)).toBe(0);
    expect(JSON.parse(terminal.printed.out)).toEqual([FINDINGS[0]]);
    expect(await withFindings({ ...FINDINGS[0]!, verdict: 'failed' }, FINDINGS[1]!)).toBe(1);
  });
});

describe('meshctl uninstall', () => {
  const uninstall = (...argv: string[]): Promise<number> =>
    runMeshctl(['uninstall', '--socket', '/nowhere/api.sock', ...argv], deps, terminal);

  it('prints what was removed', async () => {
    expect(await uninstall()).toBe(0);
    expect(terminal.printed.out).toBe('removed interface heddle0\nremoved nft table inet heddle\n');
    expect(uninstalled).toEqual([expect.objectContaining({ dryRun: false, purge: false })]);
  });

  it('names what it left for pods that run', async () => {
    left = ['/run/netns/a'];
    expect(await uninstall()).toBe(0);
    expect(terminal.printed.out).toContain(
      'left /run/netns/a\npods that still run need them to be deleted: /run/netns/a\ndelete these pods, then run this again\n',
    );
  });

  it('only lists with --dry-run, and purges with --purge', async () => {
    expect(await uninstall('--dry-run', '--purge')).toBe(0);
    expect(terminal.printed.out).toBe('would remove interface heddle0\nwould remove nft table inet heddle\n');
    expect(uninstalled).toEqual([expect.objectContaining({ dryRun: true, purge: true })]);
  });

  it('refuses while an agent runs, except for a dry run', async () => {
    expect(await run('uninstall')).toBe(1);
    expect(uninstalled).toEqual([]);
    expect(terminal.printed.err).toBe(
      'meshctl: an agent is running on this node and would make everything again: stop meshd first\n',
    );
    expect(await run('uninstall', '--dry-run')).toBe(0);
  });

  it('prints a sentence when there is nothing to remove', async () => {
    const nothing = { ...deps, uninstall: () => Promise.resolve({ removed: [], left: [], podsThatRun: [] }) };
    expect(await runMeshctl(['uninstall', '--socket', '/nowhere/api.sock'], nothing, terminal)).toBe(0);
    expect(terminal.printed.out).toBe('nothing to remove: nothing of Heddle is on this host\n');
  });
});

describe('the command line', () => {
  it.each([
    [[], 'Usage: meshctl'],
    [['peerz'], "meshctl: unknown command 'peerz'"],
    [['peers', '-o', 'xml'], 'Allowed choices are table, wide, json, yaml.'],
    [['peers', '--colour'], "meshctl: unknown option '--colour'"],
    [['peers', 'a', 'b'], 'meshctl: too many arguments'],
    [['status', 'a'], 'meshctl: too many arguments'],
    [['version', '--watch'], "meshctl: unknown option '--watch'"],
    [['peers', '--socket'], "meshctl: option '--socket <path>' argument missing"],
  ])('exits with 2 for %j without a request', async (argv, message) => {
    expect(await runMeshctl(argv, deps, terminal)).toBe(2);
    expect(terminal.printed.err).toContain(message);
    expect(terminal.printed.out).toBe('');
    expect(agent.asked).toEqual([]);
  });

  it('documents commands, exit codes and the socket in --help', async () => {
    expect(await runMeshctl(['--help'], deps, terminal)).toBe(0);
    for (const text of [
      'peers',
      'status',
      'routes',
      'endpoints',
      'uninstall',
      'preflight',
      '--socket <path>',
      '$HEDDLE_API_SOCKET or /run/heddle/api.sock',
    ]) {
      expect(terminal.printed.out).toContain(text);
    }
    expect(terminal.printed.out).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n.*\n {2}2 .*\n {2}3 .*\n {2}4 .*\n {2}5 /);
  });

  it('takes the socket from --socket in any position, else from HEDDLE_API_SOCKET', async () => {
    expect(await runMeshctl(['routes', '--socket', agent.socketPath], deps, terminal)).toBe(0);
    terminal.env = { HEDDLE_API_SOCKET: agent.socketPath };
    expect(await runMeshctl(['routes'], deps, terminal)).toBe(0);
    terminal.env = { HEDDLE_API_SOCKET: '' };
    expect(await runMeshctl(['version', '--socket', agent.socketPath], deps, terminal)).toBe(0);
  });
});
