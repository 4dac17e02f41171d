/**
 * The CNI plugin on the real kernel: the relay executables, called as a runtime calls them, over a real socket to the
 * service with its real address store, endpoint store and veth plumbing. One namespace is the node, with a bridge; the
 * pods are namespaces beside it. Needs root and iproute2.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import { CniServer } from '../../agent/cni-server.js';
import { systemClock } from '../../agent/clock.js';
import { NoticeLog } from '../../agent/notice-log.js';
import { CniService, EndpointStore, MAX_REQUEST_BYTES, replayTombstones, VethPodNetwork } from '../../cni/index.js';
import type { CniPorts, EndpointRecord, Unreadiness } from '../../cni/index.js';
import { parseCidr } from '../../common/cidr.js';
import { hostCommands } from '../../common/command.js';
import type { CommandRunner } from '../../common/command.js';
import { systemDisk } from '../../common/disk.js';
import { HeddleError } from '../../common/errors.js';
import { silentLogger } from '../../common/log.js';
import { Ipam } from '../../ipam/index.js';

const VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
const CIDRS = [parseCidr('10.99.1.0/24'), parseCidr('fd99:1::/64')];
const CLUSTER_CIDRS = [parseCidr('10.99.0.0/16'), parseCidr('fd99::/16')];
const UNIQUE = `hdt${process.pid}`;
const NODE = `${UNIQUE}n`;
const POD_A = `${UNIQUE}a`;
const POD_B = `${UNIQUE}b`;
const path = (namespace: string) => `/run/netns/${namespace}`;
const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inside = (namespace: string, ...args: string[]) => ip('netns', 'exec', namespace, ...args);

interface Result {
  cniVersion: string;
  interfaces: { name: string; mac: string; sandbox?: string; mtu?: number }[];
  ips: { version?: string; address: string }[];
}
interface Failure {
  code: number;
  msg: string;
  details?: string;
}
interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
}

/** Everything the agent would keep, in one object: closing and opening it again is a restart of the agent. */
class TestAgent {
  unready: Unreadiness | null = null;
  announced: readonly EndpointRecord[] = [];
  service!: CniService;
  ipam!: Ipam;
  #server: CniServer | null = null;

  constructor(
    readonly folder: string,
    /** Sees every command before it is run on the node; may throw, as if the agent died there. */
    readonly gate: (command: string) => void = () => undefined,
  ) {}

  get socketPath(): string {
    return join(this.folder, 'cni.sock');
  }
  get spool(): string {
    return join(this.folder, 'spool');
  }

  async start(): Promise<void> {
    const log = silentLogger();
    const endpoints = await EndpointStore.open(systemDisk, join(this.folder, 'endpoints'), log);
    this.ipam = await Ipam.open({ directory: join(this.folder, 'ipam'), cidrs: CIDRS, log });
    const ports: CniPorts = {
      addresses: this.ipam,
      network: new VethPodNetwork(this.#nodeCommands()),
      endpoints,
      settings: () => ({ bridge: 'br0', podMtuBytes: 1390, clusterCidrs: CLUSTER_CIDRS }),
      readiness: () => this.unready,
      announce: (records) => {
        this.announced = records;
        return Promise.resolve();
      },
      wallTime: () => new Date(),
      log,
    };
    this.service = new CniService(ports);
    await replayTombstones(systemDisk, this.spool, (request, asOfMs) => this.service.handle(request, asOfMs), log);
    await this.ipam.reconcile(await this.service.reconcile());
    this.#server = new CniServer({
      path: this.socketPath,
      maxRequestBytes: MAX_REQUEST_BYTES,
      answer: (request) => this.service.answer(request),
      notices: new NoticeLog(log, systemClock),
    });
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  #nodeCommands(): CommandRunner {
    return {
      run: async (program, args, input) => {
        this.gate([program, ...args].join(' '));
        return hostCommands.run('nsenter', [`--net=${path(NODE)}`, program, ...args], input);
      },
    };
  }
}

let folder: string;
let agent: TestAgent;
const relays = new Map<string, string>();

function buildRelays(into: string): void {
  const node = join(into, 'heddle-cni-node');
  const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20' } as const;
  buildSync({
    ...options,
    entryPoints: ['cni/relay/heddle-cni.ts'],
    outfile: node,
    banner: { js: '#!/usr/bin/env node' },
  });
  chmodSync(node, 0o755);
  relays.set('node', node);
  try {
    const c = join(into, 'heddle-cni');
    execFileSync('cc', ['-static', '-Os', '-s', '-o', c, 'cni/relay/heddle-cni.c'], { stdio: 'ignore' });
    relays.set('c', c);
  } catch {
    process.stderr.write('skipped: the C relay is not built, this machine has no C compiler (cc)\n');
    relays.set('c', node);
  }
}

interface Call {
  readonly pod?: string;
  readonly id?: string;
  readonly netns?: string;
  readonly version?: string;
  readonly config?: object;
  readonly relay?: string;
}

function cni(
  command: string,
  { pod = POD_A, id, netns, version = '1.0.0', config = {}, relay = 'c' }: Call = {},
): Promise<Run> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HEDDLE_CNI_SOCKET: agent.socketPath,
    HEDDLE_CNI_SPOOL: agent.spool,
    CNI_COMMAND: command,
    CNI_CONTAINERID: id ?? `id-${pod}`,
    CNI_NETNS: netns ?? path(pod),
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=test',
  };
  const child = spawn(relays.get(relay)!, [], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stdin.end(JSON.stringify({ cniVersion: version, name: 'heddle', type: 'heddle-cni', ...config }));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout: Buffer.concat(out).toString() }));
  });
}

async function succeed(command: string, call: Call = {}): Promise<Result> {
  const run = await cni(command, call);
  expect(run).toMatchObject({ exitCode: 0 });
  return (run.stdout === '' ? {} : JSON.parse(run.stdout)) as Result;
}

async function failure(command: string, call: Call = {}): Promise<Failure> {
  const run = await cni(command, call);
  expect(run.exitCode).toBe(1);
  return JSON.parse(run.stdout) as Failure;
}

const addressOf = (result: Result, family: 4 | 6): string =>
  result.ips.map((entry) => entry.address.split('/')[0]!).find((address) => address.includes(':') === (family === 6))!;

const podPorts = (): string[] =>
  ip('-n', NODE, '-o', 'link', 'show', 'type', 'veth')
    .split('\n')
    .flatMap((line) => /^\d+: (hd[0-9a-f]+)@/.exec(line)?.[1] ?? []);

function ping(from: string, to: string): void {
  inside(from, 'ping', '-c', '1', '-W', '3', '-q', to);
}

function makeNode(): void {
  ip('netns', 'add', NODE);
  ip('-n', NODE, 'link', 'set', 'lo', 'up');
  ip('-n', NODE, 'link', 'add', 'br0', 'address', '0a:58:0a:63:01:01', 'type', 'bridge');
  ip('-n', NODE, 'addr', 'add', '10.99.1.1/24', 'dev', 'br0');
  ip('-n', NODE, 'addr', 'add', 'fd99:1::1/64', 'dev', 'br0', 'nodad');
  ip('-n', NODE, 'link', 'set', 'br0', 'up');
}

/** Only those of this test are touched. */
function removeNamespaces(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const name = line.split(' ')[0] ?? '';
    if (name.startsWith(UNIQUE)) ip('netns', 'del', name);
  }
}

beforeAll(() => {
  relays.clear();
  buildRelays(mkdtempSync(join(tmpdir(), 'heddle-cni-bin-')));
});
afterAll(() => rmSync(join(relays.get('node')!, '..'), { recursive: true, force: true }));
beforeEach(async () => {
  makeNode();
  for (const pod of [POD_A, POD_B]) ip('netns', 'add', pod);
  folder = mkdtempSync(join(tmpdir(), 'heddle-cni-'));
  agent = new TestAgent(folder);
  await agent.start();
});
afterEach(async () => {
  await agent.stop();
  removeNamespaces();
  rmSync(folder, { recursive: true });
});

describe.each(['c', 'node'])('called through the %s relay', (relay) => {
  it.each(VERSIONS)('speaks version %s from VERSION to DEL', async (version) => {
    const call = { version, relay };
    expect(await succeed('VERSION', { ...call, netns: 'dummy' })).toMatchObject({
      supportedVersions: expect.arrayContaining([...VERSIONS]),
    });
    const added = await succeed('ADD', call);
    expect(added.cniVersion).toBe(version);
    expect(added.interfaces[1]).toMatchObject({ name: 'eth0', sandbox: path(POD_A), mac: '0a:58:0a:63:01:02' });
    expect(added.ips.map((entry) => entry.version)).toEqual(version < '1' ? ['4', '6'] : [undefined, undefined]);
    if (version !== '0.3.1') await succeed('CHECK', { ...call, config: { prevResult: added } });
    if (version === '1.1.0') {
      expect(added.interfaces[1]?.mtu).toBe(1390);
      await succeed('STATUS', call);
      await succeed('GC', { ...call, config: { 'cni.dev/valid-attachments': [] } });
      expect(podPorts()).toEqual([]);
    }
    await succeed('DEL', { ...call, config: { prevResult: added } });
    await succeed('DEL', { ...call, netns: '' });
    expect(podPorts()).toEqual([]);
    expect(agent.ipam.list()).toEqual([]);
    expect(agent.announced).toEqual([]);
  });
});

describe('pods of one node', () => {
  it('reach each other and the gateway, over IPv4 and IPv6, with the MTU and super-frames they were given', async () => {
    const a = await succeed('ADD', { pod: POD_A });
    const b = await succeed('ADD', { pod: POD_B });
    for (const family of [4, 6] as const) ping(POD_A, addressOf(b, family));
    for (const gateway of ['10.99.1.1', 'fd99:1::1']) ping(POD_B, gateway);
    ping(NODE, addressOf(a, 4));
    expect(inside(POD_A, 'ip', '-d', 'link', 'show', 'eth0')).toMatch(/mtu 1390 .*gso_max_size 61440/s);
  });

  it('are reached after a long silence: their MAC is bound to their port', async () => {
    const { interfaces } = await succeed('ADD');
    expect(inside(NODE, 'bridge', 'fdb', 'show', 'br', 'br0')).toContain(
      `${interfaces[1]!.mac} dev ${interfaces[0]!.name} sticky master br0 static`,
    );
  });

  it('have no tentative address when ADD answers', async () => {
    await succeed('ADD');
    expect(inside(POD_A, 'ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global')).not.toContain('tentative');
  });

  it('get IPv6 even where the namespace came with it disabled', async () => {
    const off = 'net.ipv6.conf.default.disable_ipv6=1';
    inside(POD_A, 'sysctl', '-q', '-w', off);
    await succeed('ADD');
    ping(POD_A, 'fd99:1::1');
  });

  it('may be attached twenty at a time', async () => {
    const pods = Array.from({ length: 20 }, (_, i) => `${UNIQUE}p${i}`);
    for (const pod of pods) ip('netns', 'add', pod);
    const results = await Promise.all(pods.map((pod) => succeed('ADD', { pod })));
    expect(new Set(results.map((result) => addressOf(result, 4))).size).toBe(20);
    expect(podPorts()).toHaveLength(20);
    ping(pods[0]!, addressOf(results[19]!, 6));
    await Promise.all(pods.map((pod) => succeed('DEL', { pod })));
    expect(podPorts()).toEqual([]);
  });

  it('may be in a namespace that is named by a process', async () => {
    const child = spawn('nsenter', [`--net=${path(POD_A)}`, 'sleep', '60'], { stdio: 'ignore' });
    try {
      const b = await succeed('ADD', { pod: POD_B });
      await inNamespace(child.pid!, POD_A);
      await succeed('ADD', { netns: `/proc/${child.pid}/ns/net` });
      ping(POD_A, addressOf(b, 4));
    } finally {
      child.kill();
    }
  });
});

/** Waits, by looking, until the process has entered the namespace. */
async function inNamespace(pid: number, namespace: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (ip('netns', 'pids', namespace).split('\n').includes(String(pid))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('calls that repeat or come too late', () => {
  it('ADD answers the same while the attachment is as it should be', async () => {
    const first = await succeed('ADD');
    expect(await succeed('ADD')).toEqual(first);
    expect(podPorts()).toHaveLength(1);
  });

  it('ADD attaches again, at the same address, what was damaged or has a new namespace', async () => {
    const first = await succeed('ADD');
    inside(POD_A, 'ip', 'addr', 'flush', 'dev', 'eth0');
    expect((await succeed('ADD')).ips).toEqual(first.ips);
    expect((await succeed('ADD', { netns: path(POD_B) })).ips).toEqual(first.ips);
    ping(POD_B, '10.99.1.1');
    expect(podPorts()).toHaveLength(1);
  });

  it('ADD refuses a name that the pod uses already, and leaves no trace', async () => {
    ip('-n', POD_A, 'link', 'add', 'eth0', 'type', 'bridge');
    const { code, details } = await failure('ADD');
    expect(code).toBe(102);
    expect(details).toContain('File exists');
    expect([podPorts(), agent.ipam.list(), agent.service.endpoints()]).toEqual([[], [], []]);
  });

  it('ADD into a namespace that does not exist is an unknown container', async () => {
    expect(await failure('ADD', { netns: '/run/netns/none' })).toMatchObject({ code: 3, details: '/run/netns/none' });
    expect([podPorts(), agent.ipam.list()]).toEqual([[], []]);
  });

  it('DEL works after the namespace vanished, and frees the address', async () => {
    await succeed('ADD');
    ip('netns', 'del', POD_A);
    await succeed('DEL');
    expect([podPorts(), agent.ipam.list(), agent.announced]).toEqual([[], [], []]);
  });

  it('CHECK finds what was taken away', async () => {
    const prevResult = await succeed('ADD');
    inside(POD_A, 'ip', 'route', 'del', 'default');
    ip('-n', NODE, 'link', 'set', prevResult.interfaces[0]!.name, 'nomaster');
    const { code, details } = await failure('CHECK', { config: { prevResult } });
    expect(code).toBe(103);
    expect(details).toContain('is on no bridge');
    expect(details).toContain('route to 0.0.0.0/0 is missing');
  });

  it('STATUS and ADD say why the node is not ready', async () => {
    agent.unready = { code: 50, message: 'the router is not connected' };
    expect(await failure('STATUS', { version: '1.1.0' })).toMatchObject({
      code: 50,
      details: 'the router is not connected',
    });
    expect(await failure('ADD')).toMatchObject({ code: 11, details: 'the router is not connected' });
  });
});

describe('an agent that was away', () => {
  it('does on its return what DEL left in the spool', async () => {
    await succeed('ADD');
    await agent.stop();
    await succeed('DEL');
    expect(readdirSync(agent.spool)).toHaveLength(1);
    expect(await failure('ADD', { pod: POD_B })).toMatchObject({ code: 11 });
    await agent.start();
    expect([podPorts(), agent.ipam.list(), readdirSync(agent.spool)]).toEqual([[], [], []]);
  });

  it('finds its pods again, and frees those that went without a word', async () => {
    const kept = await succeed('ADD', { pod: POD_A });
    await succeed('ADD', { pod: POD_B });
    await agent.stop();
    ip('netns', 'del', POD_B);
    await agent.start();
    expect(agent.announced.map((record) => record.containerId)).toEqual([`id-${POD_A}`]);
    expect(agent.ipam.list().map((entry) => entry.ip)).toEqual(kept.ips.map((entry) => entry.address.split('/')[0]));
  });

  it('rebuilds both records from the kernel when they are lost', async () => {
    const before = await succeed('ADD');
    await agent.stop();
    for (const state of ['ipam', 'endpoints']) rmSync(join(folder, state), { recursive: true });
    await agent.start();
    expect(agent.service.endpoints()).toMatchObject([{ containerId: `id-${POD_A}`, netns: path(POD_A) }]);
    expect(await succeed('ADD')).toEqual(before);
  });

  it('puts pods back on a bridge that was made anew', async () => {
    const { interfaces } = await succeed('ADD');
    ip('-n', NODE, 'link', 'set', interfaces[0]!.name, 'nomaster');
    await agent.service.reconcile();
    ping(POD_A, '10.99.1.1');
  });

  it('leaks nothing when it dies before any command of ADD', async () => {
    for (let command = 1; command <= 5; command++) {
      await agent.stop();
      let left = command;
      agent = new TestAgent(folder, (text) => {
        if (/route show|link show|addr show/.test(text)) return;
        if (--left <= 0) throw new HeddleError('PORT_CLOSED', 'the agent is dead');
      });
      left = Infinity;
      await agent.start();
      left = command;
      await cni('ADD');
      await agent.stop();
      agent = new TestAgent(folder);
      await agent.start();
      const owners = new Set(agent.ipam.list().map((entry) => entry.owner.containerId));
      expect(agent.service.endpoints().map((record) => record.containerId)).toEqual([...owners]);
      expect(podPorts()).toHaveLength(owners.size);
      const added = await succeed('ADD');
      ping(POD_A, '10.99.1.1');
      expect(added.ips).toHaveLength(2);
      await succeed('DEL');
      expect([podPorts(), agent.ipam.list()]).toEqual([[], []]);
    }
  });
});
