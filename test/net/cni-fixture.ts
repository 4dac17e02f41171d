/**
 * For tests of the CNI plugin on the real kernel: one namespace is the node, with a bridge; the pods are namespaces beside
 * it. The relay executables are called as a runtime calls them, over a real socket to the service with its real address
 * store, endpoint store and veth plumbing. Needs root and iproute2.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { buildSync } from 'esbuild';
import { CniServer } from '../../agent/cni-server.js';
import { systemClock } from '../../common/clock.js';
import { NoticeLog } from '../../common/notice-log.js';
import {
  CniService,
  EndpointStore,
  MAX_REQUEST_BYTES,
  replayDeferredDeletes,
  VethPodNetwork,
} from '../../cni/index.js';
import type { CniDeps, EndpointRecord, Unreadiness } from '../../cni/index.js';
import { parseCidr } from '../../common/address/cidr.js';
import { namespaceFiles } from '../../agent/namespace-files.js';
import { HostNetlink } from '../../agent/netlink/host-netlink.js';
import { reconcileHostNetwork } from '../../agent/host-network/host-network.js';
import type { HostNetworkSpec } from '../../agent/host-network/host-plan.js';
import { SettingsRecord } from '../../agent/host-network/settings-record.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { hostCommands } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { NetlinkRunner } from '../../common/host/netlink-runner.js';
import { systemDisk } from '../../common/storage/disk.js';
import { silentLogger } from '../../common/log.js';
import { RunLock } from '../../deploy/demo/machine/run-lock.js';
import { Ipam } from '../../ipam/index.js';

const CIDRS = [parseCidr('10.99.1.0/24'), parseCidr('fd99:1::/64')];
const CLUSTER_CIDRS = [parseCidr('10.99.0.0/16'), parseCidr('fd99::/16')];
/** Named as the demo's namespaces, so that its clean-up finds what a killed test left, and leaves a live one alone. */
const lock = await RunLock.take();
export const UNIQUE = lock.prefix;
export const NODE = `${UNIQUE}n`;
export const POD_A = `${UNIQUE}a`;
export const POD_B = `${UNIQUE}b`;
export const path = (namespace: string) => `/run/netns/${namespace}`;
export const ip = (...args: string[]) =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
export const inside = (namespace: string, ...args: string[]) => ip('netns', 'exec', namespace, ...args);

export interface Result {
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

/** State of the agent in one object. Closing and opening it is a restart. */
export class TestAgent {
  unready: Unreadiness | null = null;
  announced: readonly EndpointRecord[] = [];
  service!: CniService;
  ipam!: Ipam;
  #server: CniServer | null = null;

  constructor(
    readonly folder: string,
    /** Called before every command on the node. May throw, as if the agent died there. */
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
    const deps: CniDeps = {
      addresses: this.ipam,
      network: new VethPodNetwork(this.#nodeCommands(), this.#nodeNetlink(), namespaceFiles),
      endpoints,
      settings: () => ({ bridge: 'br0', podMtuBytes: 1390, podCidrs: CIDRS, clusterCidrs: CLUSTER_CIDRS }),
      readiness: () => this.unready,
      admit: () => Promise.resolve(() => undefined),
      announce: (records) => {
        this.announced = records;
        return Promise.resolve();
      },
      wallTime: () => new Date(),
      log,
    };
    this.service = new CniService(deps);
    await replayDeferredDeletes(
      systemDisk,
      [this.spool],
      (request, asOfMs) => this.service.handle(request, asOfMs),
      log,
    );
    await this.ipam.reconcile(await this.service.reconcile());
    this.#server = new CniServer({
      path: this.socketPath,
      maxRequestBytes: MAX_REQUEST_BYTES,
      answer: (request) => this.service.answer(request),
      refuse: (request, reason) => this.service.refuse(request, reason),
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
        return nodeCommands.run(program, args, input);
      },
    };
  }

  #nodeNetlink(): NetlinkRunner {
    return {
      run: async (netns, requests) => {
        this.gate(requests.map(({ text }) => text).join('\n'));
        return netlink.run(netns ?? path(NODE), requests);
      },
      change: async (netns, changes) => {
        this.gate(changes.map(({ text }) => text).join('\n'));
        return netlink.change(netns ?? path(NODE), changes);
      },
      deleteListed: async (netns, list, deletionOf) => {
        this.gate(list.text);
        return netlink.deleteListed(netns ?? path(NODE), list, deletionOf);
      },
    };
  }
}

const netlink = new HostNetlink();

/** The running test's agent, which it may replace, and the folder of the agent's files. */
export const lab = {} as { agent: TestAgent; folder: string };
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
  } catch (thrown) {
    if (process.env['CI'] !== undefined) throw thrown;
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
  /** How long the relay waits for an agent, and for it to be ready. */
  readonly withinMs?: number;
}

export function cni(
  command: string,
  { pod = POD_A, id, netns, version = '1.0.0', config = {}, relay = 'c', withinMs = 10_000 }: Call = {},
): Promise<Run> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HEDDLE_CNI_SOCKET: lab.agent.socketPath,
    HEDDLE_CNI_SPOOL: lab.agent.spool,
    HEDDLE_CNI_TIMEOUT_MS: String(withinMs),
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

export async function succeed(command: string, call: Call = {}): Promise<Result> {
  const run = await cni(command, call);
  // The error that the plugin prints is the difference.
  expect(run.exitCode === 0 ? '' : run.stdout).toBe('');
  return (run.stdout === '' ? {} : JSON.parse(run.stdout)) as Result;
}

export async function failure(command: string, call: Call = {}): Promise<Failure> {
  const run = await cni(command, call);
  expect(run.exitCode).toBe(1);
  return JSON.parse(run.stdout) as Failure;
}

export const addressOf = (result: Result, family: 4 | 6): string =>
  result.ips.map((entry) => entry.address.split('/')[0]!).find((address) => address.includes(':') === (family === 6))!;

export const hostInterfaces = (): string[] =>
  ip('-n', NODE, '-o', 'link', 'show', 'type', 'veth')
    .split('\n')
    .flatMap((line) => /^\d+: (hd[0-9a-f]+)@/.exec(line)?.[1] ?? []);

export function ping(from: string, to: string): void {
  inside(from, 'ping', '-c', '1', '-W', '3', '-q', to);
}

const nodeCommands: CommandRunner = {
  run: (program, args, input) => hostCommands.run('nsenter', [`--net=${path(NODE)}`, program, ...args], input),
};

/** The host's side as the agent makes it; the TAP leads nowhere. */
async function makeNode(): Promise<void> {
  ip('netns', 'add', NODE);
  ip('-n', NODE, 'link', 'set', 'lo', 'up');
  ip('-n', NODE, 'tuntap', 'add', 'mode', 'tap', 'name', 'heddle-tap', 'vnet_hdr', 'multi_queue');
  const settings = new SettingsRecord(new CrashingDisk(() => 0), '/state');
  const spec: HostNetworkSpec = {
    bridgeName: 'br0',
    stateDir: '/var/lib/heddle',
    tapName: 'heddle-tap',
    podMtuBytes: 1390,
    podCidrs: CIDRS,
    clusterCidrs: CLUSTER_CIDRS,
    narrowCidrs: [],
    masquerade: true,
    listenPort: 6785,
    router: null,
    pods: [],
  };
  const { problems } = await reconcileHostNetwork(nodeCommands, spec, settings);
  expect(problems).toEqual([]);
}

/** Only those of this test are touched. */
function removeNamespaces(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const name = line.split(' ')[0] ?? '';
    if (name.startsWith(UNIQUE)) ip('netns', 'del', name);
  }
}

/** A fresh node with two pods and a running agent for every test of the file, and nothing left after it. */
export function useCniNode(): void {
  beforeAll(() => {
    relays.clear();
    buildRelays(mkdtempSync(join(tmpdir(), 'heddle-cni-bin-')));
  });
  afterAll(() => rmSync(join(relays.get('node')!, '..'), { recursive: true, force: true }));
  beforeEach(async () => {
    await makeNode();
    for (const pod of [POD_A, POD_B]) ip('netns', 'add', pod);
    lab.folder = mkdtempSync(join(tmpdir(), 'heddle-cni-'));
    lab.agent = new TestAgent(lab.folder);
    await lab.agent.start();
  });
  afterEach(async () => {
    await lab.agent.stop();
    removeNamespaces();
    rmSync(lab.folder, { recursive: true });
  });
}
