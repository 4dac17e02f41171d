import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Config } from '../../common/config.js';
import { ConfigError } from '../../common/errors.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { DEFAULT_CONFIG_PATH, explainConfig, formatConfigHelp, loadConfig } from './config-sources.js';
import type { ReadFile } from './config-sources.js';

const noFiles: ReadFile = () => null;
const fileAt =
  (path: string, text: string): ReadFile =>
  (asked) =>
    asked === path ? text : null;
const defaultFile = (text: string): ReadFile => fileAt(DEFAULT_CONFIG_PATH, text);

function problemsOf(argv: string[], env: Record<string, string> = {}, readFile: ReadFile = noFiles): readonly string[] {
  try {
    loadConfig(argv, env, readFile);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.problems;
    throw thrown;
  }
}

const flags = (...argv: string[]): Config => loadConfig(argv, {}, noFiles);

describe('where a setting is found', () => {
  it('is the default when no source has a value', () => {
    expect(loadConfig([], {}, noFiles)).toMatchObject({
      listenPort: 6785,
      podCidrs: [],
      masquerade: true,
      apiSocket: '/run/heddle/api.sock',
      bridgeName: 'heddle0',
    });
  });

  it('is the flag before the environment before the file before the default', () => {
    const file = defaultFile('lanes: 2\nlogLevel: warn\nlistenPort: 1001\nnodeName: from-file\n');
    const env = { HEDDLE_LOG_LEVEL: 'debug', HEDDLE_LISTEN_PORT: '1002' };
    const config = loadConfig(['--listen-port', '1003'], env, file);
    expect(config).toMatchObject({
      nodeName: 'from-file',
      lanes: 2,
      logLevel: 'debug',
      listenPort: 1003,
      cipher: 'auto',
    });
  });

  it('is told for every setting by explainConfig', () => {
    const file = defaultFile('lanes: 2\n');
    const explained = explainConfig(['--no-masquerade'], { HEDDLE_API_PORT: '0' }, file);
    const byName = new Map(explained.map((setting) => [setting.name, setting]));
    expect(explained.map((setting) => setting.name)).toEqual(Object.keys(loadConfig([], {}, noFiles)));
    expect(byName.get('masquerade')).toEqual({ name: 'masquerade', value: false, source: 'flag --no-masquerade' });
    expect(byName.get('apiPort')).toEqual({ name: 'apiPort', value: 0, source: 'environment HEDDLE_API_PORT' });
    expect(byName.get('lanes')).toEqual({ name: 'lanes', value: 2, source: `file ${DEFAULT_CONFIG_PATH}: lanes` });
    expect(byName.get('cipher')).toEqual({ name: 'cipher', value: 'auto', source: 'default' });
  });

  it('is the file named by --config, else by HEDDLE_CONFIG, else the default one', () => {
    const files: ReadFile = (path) => `nodeName: ${path.slice(1)}\n`;
    const env = { HEDDLE_CONFIG: '/env' };
    expect(loadConfig(['--config', '/flag'], env, files).nodeName).toBe('flag');
    expect(loadConfig(['--config=/flag'], {}, files).nodeName).toBe('flag');
    expect(loadConfig([], env, files).nodeName).toBe('env');
    expect(loadConfig([], {}, (path) => (path === DEFAULT_CONFIG_PATH ? 'lanes: 3' : null)).lanes).toBe(3);
  });

  it('may not be a file that was asked for and is missing', () => {
    expect(problemsOf(['--config', '/no'])).toEqual(['flag --config: file "/no" does not exist']);
    expect(problemsOf([], { HEDDLE_CONFIG: '/no' })).toEqual(['environment HEDDLE_CONFIG: file "/no" does not exist']);
  });
});

describe('flags', () => {
  it('take lists repeated, comma-separated, or both', () => {
    const config = flags('--seeds', 'a,b', '--seeds=c', '--seeds', '192.0.2.1:7000, [2001:db8::1]:1');
    expect(config.seeds).toEqual(['a', 'b', 'c', '192.0.2.1:7000', '[2001:db8::1]:1']);
    expect(flags('--seeds=').seeds).toEqual([]);
  });

  it('turn switches on and off', () => {
    expect(flags('--masquerade').masquerade).toBe(true);
    expect(flags('--no-masquerade').masquerade).toBe(false);
    expect(flags('--masquerade=false').masquerade).toBe(false);
    expect(problemsOf(['--masquerade=maybe'])).toEqual([
      'flag --masquerade: "maybe" is not valid (expected true or false)',
    ]);
    expect(problemsOf(['--no-masquerade=true'])).toEqual(['flag --no-masquerade takes no value']);
  });

  it('may be given once, unless they are lists', () => {
    expect(problemsOf(['--lanes', '1', '--lanes', '2'])).toEqual(['flag --lanes is given more than once']);
  });

  it('need their value', () => {
    expect(problemsOf(['--lanes', '--cipher', 'auto'])).toEqual([
      'flag --lanes needs a value (expected a whole number from 0 to 16)',
    ]);
    expect(problemsOf(['--config'])).toEqual(['flag --config needs a value (expected the path of a file)']);
  });

  it('are told when they are unknown, with the one that was probably meant', () => {
    expect(problemsOf(['--listen_port', '1', '--xyzzy', '-p', 'stray'])).toEqual([
      'flag --listen_port is unknown, did you mean --listen-port?',
      'flag --xyzzy is unknown',
      'unexpected argument "stray" (settings are given as --name value)',
    ]);
    expect(problemsOf(['--pod-cidr=10.0.0.0/24'])).toEqual(['flag --pod-cidr is unknown, did you mean --pod-cidrs?']);
  });
});

describe('environment', () => {
  it('takes lists comma-separated and an empty text for an empty value', () => {
    const env = { HEDDLE_SEEDS: 'a, b,', HEDDLE_API_ADDRESS: '', HEDDLE_POD_CIDRS: '' };
    expect(loadConfig([], env, noFiles)).toMatchObject({ seeds: ['a', 'b'], apiAddress: '', podCidrs: [] });
  });

  it('refuses unknown HEDDLE_ variables, with the one that was probably meant', () => {
    expect(problemsOf([], { HEDDLE_POD_CIDR: '10.0.0.0/24' })).toEqual([
      'environment HEDDLE_POD_CIDR is unknown, did you mean HEDDLE_POD_CIDRS?',
    ]);
  });

  it('leaves alone what belongs to other parts, and what Kubernetes adds for a Service', () => {
    const foreign = {
      HEDDLE_TEST_FUZZ_RUNS: '3',
      HEDDLE_ROUTER_FDS: '3,4',
      HEDDLE_CNI_SOCKET: '/x',
      HEDDLE_BENCH_X: '1',
    };
    const links = {
      HEDDLE_SERVICE_HOST: '10.96.0.9',
      HEDDLE_AGENT_SERVICE_PORT_HTTP: '80',
      HEDDLE_PORT: 'tcp://10.96.0.9:80',
      HEDDLE_API_PORT: 'tcp://10.96.0.9:80',
      HEDDLE_PORT_80_TCP_ADDR: '10.96.0.9',
    };
    expect(loadConfig([], { ...foreign, ...links, PATH: '/bin', HOME: '/root' }, noFiles).apiPort).toBe(6786);
  });

  it('still reads settings whose names begin like those of other parts', () => {
    const env = { HEDDLE_CNI_BIN_DIR: '/opt/cni/bin', HEDDLE_ROUTER_USER: '1000' };
    expect(loadConfig([], env, noFiles)).toMatchObject({ cniBinDir: '/opt/cni/bin', routerUser: 1000 });
  });
});

describe('file', () => {
  it('may be empty', () => {
    expect(loadConfig([], {}, defaultFile('# nothing\n')).lanes).toBe(0);
  });

  it('may not hold unknown keys, twice the same key, or anything but a mapping', () => {
    const at = `file ${DEFAULT_CONFIG_PATH}: `;
    expect(problemsOf([], {}, defaultFile('pod-cidrs: []\n'))).toEqual([
      `${at}pod-cidrs is unknown, did you mean podCidrs?`,
    ]);
    expect(problemsOf([], {}, defaultFile('__proto__: 1\n'))).toEqual([`${at}__proto__ is unknown`]);
    expect(problemsOf([], {}, defaultFile('- a\n'))).toEqual([`${at}expected a mapping of settings`]);
    expect(problemsOf([], {}, defaultFile('lanes: 1\nlanes: 2\n'))[0]).toMatch(/: not valid YAML: .* at line 2/);
  });

  it('holds values of the right type, quoted where YAML would read something else', () => {
    const file = 'nodeName: 17\nlanes: "2"\npodCidrs: 10.0.0.0/24\nmasquerade: no\nseeds: [1]\n';
    expect(problemsOf([], {}, defaultFile(file))).toEqual([
      `file ${DEFAULT_CONFIG_PATH}: nodeName: 17 is not valid (expected text of at most 253 characters, in quotes)`,
      `file ${DEFAULT_CONFIG_PATH}: podCidrs: "10.0.0.0/24" is not valid (expected a list of texts)`,
      `file ${DEFAULT_CONFIG_PATH}: seeds: [1] is not valid (expected a list of texts)`,
      `file ${DEFAULT_CONFIG_PATH}: lanes: "2" is not valid (expected a whole number from 0 to 16)`,
      `file ${DEFAULT_CONFIG_PATH}: masquerade: "no" is not valid (expected true or false)`,
    ]);
  });
});

describe('what a configuration must look like', () => {
  it('tells every mistake at once, each with its source', () => {
    const file = defaultFile('lanes: 99\nclusterCidrs: [10.0.0.0/8]\n');
    expect(
      problemsOf(['--listen-port', '70000', '--pod-cidrs', '010.1.1.1/24'], { HEDDLE_CIPHER: 'rot13' }, file),
    ).toEqual([
      'flag --listen-port: 70000 is not valid (expected a whole number from 1 to 65535)',
      `file ${DEFAULT_CONFIG_PATH}: lanes: 99 is not valid (expected a whole number from 0 to 16)`,
      'environment HEDDLE_CIPHER: "rot13" is not valid (expected one of auto, aes-256-gcm, chacha20-poly1305)',
      'flag --pod-cidrs: "010.1.1.1" is not an IP address (expected 4 decimal numbers 0-255 without leading zeros, or IPv6)',
    ]);
  });

  it('tells as many mistakes as there are', () => {
    const names = ['listen-port', 'underlay-mtu', 'pod-mtu', 'api-port', 'router-user', 'lanes', 'cipher', 'log-level'];
    const more = ['masquerade', 'bridge-name', 'tap-name'];
    const problems = problemsOf([...names, ...more].map((name) => `--${name}=!`));
    expect(problems).toHaveLength(names.length + more.length);
  });

  it('gives CIDRs back in canonical text', () => {
    const config = flags('--pod-cidrs', 'FD00:0:0:1::/64,10.1.1.0/24', '--cluster-cidrs', '10.0.0.0/8,FD00::/48');
    expect(config.podCidrs).toEqual(['fd00:0:0:1::/64', '10.1.1.0/24']);
    expect(config.clusterCidrs).toEqual(['10.0.0.0/8', 'fd00::/48']);
  });

  it('needs the cluster CIDRs as soon as there are pod CIDRs; a node may have neither, or only cluster CIDRs', () => {
    expect(problemsOf(['--pod-cidrs', '10.1.0.0/24'])).toEqual([
      'flag --pod-cidrs: 10.1.0.0/24 given without clusterCidrs (expected the ranges of all pods of the cluster too)',
    ]);
    expect(problemsOf([])).toEqual([]);
    expect(problemsOf(['--cluster-cidrs', '10.1.0.0/16'])).toEqual([]);
  });

  const cluster = ['--cluster-cidrs', '10.0.0.0/8,fd00::/48'];
  it.each<[string, string[], string]>([
    [
      'host bits',
      ['--pod-cidrs', '10.1.1.1/24', ...cluster],
      'flag --pod-cidrs: "10.1.1.1/24" has host bits set (did you mean 10.1.1.0/24?)',
    ],
    [
      'pod CIDRs that overlap',
      ['--pod-cidrs', '10.1.1.0/24,10.1.1.128/25', ...cluster],
      'flag --pod-cidrs: 10.1.1.0/24 and 10.1.1.128/25 overlap each other',
    ],
    [
      'a pod CIDR outside the cluster',
      ['--pod-cidrs', '192.0.2.0/24', ...cluster],
      'flag --pod-cidrs: 192.0.2.0/24 is not within clusterCidrs (10.0.0.0/8, fd00::/48)',
    ],
    [
      'a tiny IPv4 block',
      ['--pod-cidrs', '10.1.1.0/31', ...cluster],
      'flag --pod-cidrs: 10.1.1.0/31 is too small for a gateway and pods (expected /30 or larger)',
    ],
    [
      'a tiny IPv6 block',
      ['--pod-cidrs', 'fd00::/127', ...cluster],
      'flag --pod-cidrs: fd00::/127 is too small for a gateway and pods (expected /126 or larger)',
    ],
    [
      'overlapping cluster CIDRs',
      ['--cluster-cidrs', '10.0.0.0/8,10.1.0.0/16'],
      'flag --cluster-cidrs: 10.0.0.0/8 and 10.1.0.0/16 overlap each other',
    ],
    [
      'a reserved range',
      ['--cluster-cidrs', '169.254.0.0/17'],
      'flag --cluster-cidrs: 169.254.0.0/17 overlaps the reserved range 169.254.0.0/16',
    ],
    [
      'IPv4 in the form of IPv6',
      ['--cluster-cidrs', '::ffff:10.0.0.0/104'],
      'flag --cluster-cidrs: ::ffff:a00:0/104 overlaps the reserved range ::ffff:0:0/96',
    ],
    [
      'the whole address space',
      ['--cluster-cidrs', '0.0.0.0/0'],
      'flag --cluster-cidrs: 0.0.0.0/0 overlaps the reserved range 0.0.0.0/8',
    ],
    [
      'an underlay address within the pods',
      ['--listen-address', '10.9.9.9', ...cluster],
      'flag --listen-address: 10.9.9.9 is an underlay address but lies within clusterCidrs (10.0.0.0/8)',
    ],
    [
      'a seed within the pods',
      ['--seeds', 'a,[fd00::9]:1', ...cluster],
      'flag --seeds: fd00::9 is an underlay address but lies within clusterCidrs (fd00::/48)',
    ],
    [
      'an octal listen address',
      ['--listen-address', '010.0.0.1'],
      'flag --listen-address: "010.0.0.1" is not an IP address (expected 4 decimal numbers 0-255 without leading zeros, or IPv6)',
    ],
    [
      'a public API address',
      ['--api-address', '0.0.0.0'],
      'flag --api-address: "0.0.0.0" is not a loopback address (expected 127.0.0.1 or ::1; the API has no authentication of its own)',
    ],
    [
      'an interface name of 16 characters',
      ['--bridge-name', 'abcdefghijklmnop'],
      'flag --bridge-name: "abcdefghijklmnop" is not valid (expected text that matches ^[a-z][a-z0-9-]{0,14}$)',
    ],
    [
      'one name for bridge and TAP',
      ['--tap-name', 'heddle0'],
      'flag --tap-name: "heddle0" is the name of the bridge too',
    ],
    ['a relative path', ['--state-dir', 'state'], 'flag --state-dir: "state" is not an absolute path'],
    [
      'an unknown CNI version',
      ['--cni-version', '2.0.0'],
      'flag --cni-version: "2.0.0" is not a version Heddle speaks (expected one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0)',
    ],
    [
      'a node name that would confuse a terminal',
      ['--node-name', 'a\u001b[2J'],
      'flag --node-name: "a\u001b[2J" may only hold letters, digits, ".", "_" and "-"',
    ],
    [
      'a pod MTU below that of IPv6',
      ['--pod-mtu', '1000', '--pod-cidrs', 'fd00::/64', ...cluster],
      'flag --pod-mtu: 1000 is too small for IPv6 (expected 0 or at least 1280)',
    ],
    [
      'an underlay MTU where no search can start',
      ['--underlay-mtu', '576'],
      'flag --underlay-mtu: 576 is too small (expected 0 or at least 1200)',
    ],
  ])('refuses %s', (_name, argv, problem) => {
    expect(problemsOf(argv)).toEqual([problem]);
  });

  it('refuses a socket path that no unix socket can have', () => {
    expect(problemsOf(['--api-socket', `/${'x'.repeat(107)}`])[0]).toMatch(
      /has 108 bytes \(a unix socket's path holds at most 107\)/,
    );
    expect(problemsOf(['--api-socket', `/${'x'.repeat(106)}`])).toEqual([]);
  });

  it.each([
    'node-a',
    'node-a.example.org:7000',
    'a_b',
    'node.',
    '192.0.2.1',
    '192.0.2.1:1',
    '[2001:db8::1]:1',
    '2001:db8::1',
  ])('takes %s as a seed', (seed) => {
    expect(flags('--seeds', seed).seeds).toEqual([seed]);
  });

  it.each([
    '010.1.1.1',
    '1.2.3',
    '0x7f000001',
    'host:0',
    'host:65536',
    'host:',
    ':1',
    '-a',
    'a..b',
    'a b',
    '[::1',
    'http://a',
    '1.2.3.4:0',
  ])('refuses %j as a seed', (seed) => {
    expect(problemsOf(['--seeds', seed])).toHaveLength(1);
  });

  it('is either complete or a ConfigError, whatever the sources say', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '--seeds',
        '--lanes',
        '--config',
        '--no-masquerade',
        '--pod-cidrs=',
        '10.0.0.0/8',
        'fd00::/8',
        '--',
      ),
      fc.string(),
    );
    const variable = fc.constantFrom(
      'HEDDLE_SEEDS',
      'HEDDLE_POD_CIDRS',
      'HEDDLE_LISTEN_ADDRESS',
      'HEDDLE_X',
      'HEDDLE_CONFIG',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), fc.dictionary(variable, word), fc.string(), (argv, env, file) => {
        try {
          expect(loadConfig(argv, env, () => file).listenPort).toBeGreaterThan(0);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});

describe('help', () => {
  it('names every setting with its meaning and default', () => {
    const help = formatConfigHelp();
    for (const { name } of explainConfig([], {}, noFiles)) {
      const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(help).toMatch(new RegExp(`^  --(no-)?${flag}\\b.* {2}\\S`, 'm'));
    }
    expect(help).toContain('  --listen-port N ');
    expect(help).toMatch(/--pod-cidrs ITEM,\.\.\. +Pod CIDRs of this node \(repeatable\)/);
    expect(help).toMatch(/--no-masquerade +Source NAT from pods to the outside \(default on\)/);
  });
});
