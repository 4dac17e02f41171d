/** Fake agent on a unix socket with answers set by a test, and fake terminal that keeps its output. */
import type { SecretFileChange } from '../commands/rotate.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  DroppedTraffic,
  Endpoint,
  Peer,
  PodPolicies,
  PolicyDecision,
  Route,
  Status,
  Topology,
  TopologyLink,
  TopologyNode,
} from '../../common/api.js';
import type { Terminal } from '../output/terminal.js';

/** The wall clock of every test. */
export const NOW = '2026-11-21T12:00:00.000Z';

export interface FakeAgent {
  readonly socketPath: string;
  /** JSON answers by path; may be changed while it runs. */
  readonly answers: Map<string, unknown>;
  /** Requested paths, in order; with the method, unless it is GET. */
  readonly asked: string[];
  /** Resolves when `path` has been requested so many times. */
  untilAsked(path: string, times: number): Promise<void>;
  /** Open event streams. */
  readonly streams: Set<ServerResponse>;
  close(): Promise<void>;
}

/** @param listener in place of the answers, for agents with errors */
export async function startFakeAgent(listener?: RequestListener): Promise<FakeAgent> {
  const directory = await mkdtemp(join(tmpdir(), 'meshctl-test-'));
  const socketPath = join(directory, 'api.sock');
  const answers = new Map<string, unknown>();
  const asked: string[] = [];
  const streams = new Set<ServerResponse>();
  const watchers = new Set<() => void>();
  const untilAsked = (path: string, times: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (asked.filter((one) => one === path).length >= times) resolve();
      };
      watchers.add(look);
      look();
    });
  const answer: RequestListener = (request, response) => {
    const path = (request.url ?? '').split('?')[0]!;
    asked.push(request.method === 'GET' ? path : `${request.method} ${path}`);
    watchers.forEach((look) => look());
    if (path === '/v1/events' && answers.has(path)) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 2000\n\n');
      streams.add(response);
      response.on('close', () => streams.delete(response));
    } else if (answers.has(path)) {
      response.end(JSON.stringify(answers.get(path)));
    } else {
      response.writeHead(404).end(JSON.stringify({ code: 'NOT_FOUND', message: `nothing at ${path}` }));
    }
  };
  const server = createServer(listener ?? answer);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true, force: true });
  };
  return { socketPath, answers, asked, untilAsked, streams, close };
}

export interface FakeTerminal extends Terminal {
  readonly printed: { out: string; err: string };
  env: Record<string, string | undefined>;
  columns: number | null;
  /** Number of pending `delay`s. */
  readonly waiting: number;
  leave(): void;
  /** Ends every pending `delay`. */
  tick(): void;
  /** Resolves when `condition` holds; it is evaluated after every output and every new `delay`. */
  until(condition: () => boolean): Promise<void>;
}

export function createFakeTerminal(): FakeTerminal {
  const stopping = new AbortController();
  const printed = { out: '', err: '' };
  let sleepers: (() => void)[] = [];
  let observers: (() => void)[] = [];
  const notify = (): void => observers.forEach((observer) => observer());
  const tick = (): void => {
    const woken = sleepers;
    sleepers = [];
    woken.forEach((wake) => wake());
  };
  stopping.signal.addEventListener('abort', tick);
  return {
    get waiting() {
      return sleepers.length;
    },
    printed,
    env: {},
    columns: null,
    stop: stopping.signal,
    out(text) {
      printed.out += text;
      notify();
    },
    err(text) {
      printed.err += text;
      notify();
    },
    nowMs: () => Date.parse(NOW),
    delay: () =>
      stopping.signal.aborted
        ? Promise.resolve()
        : new Promise((resolve) => {
            sleepers.push(resolve);
            notify();
          }),
    leave: () => stopping.abort(),
    tick,
    until: (condition) =>
      new Promise((resolve) => {
        const observer = (): void => {
          if (!condition()) return;
          observers = observers.filter((other) => other !== observer);
          resolve();
        };
        observers.push(observer);
        observer();
      }),
  };
}

/** ISO time this long before {@link NOW}. */
export function ago(seconds: number): string {
  return new Date(Date.parse(NOW) - seconds * 1000).toISOString();
}

export const PEERS: readonly Peer[] = [
  {
    id: '0123456789abcdef0123456789abcdef',
    name: 'node-b',
    publicKey: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
    endpoint: '192.0.2.2:6785',
    path: 'direct',
    state: 'up',
    reason: 'answers',
    cipher: 'aes-256-gcm',
    rttMs: 0.4312,
    mtuBytes: 1500,
    lossRatio: 0.0004,
    rxBytes: 1_288_490_189,
    txBytes: 512,
    rxFrames: 900_000,
    txFrames: 8,
    podCidrs: ['10.1.2.0/24', 'fd00:2::/64'],
    since: ago(312),
    lastHandshake: ago(70),
    version: '0.1.0',
  },
  {
    id: 'fedcba9876543210fedcba9876543210',
    name: 'a-node-with-a-long-name',
    publicKey: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
    endpoint: null,
    path: 'none',
    state: 'down',
    reason: 'no answer from 192.0.2.3:6785 for 12 s',
    cipher: null,
    rttMs: null,
    mtuBytes: null,
    lossRatio: 1,
    rxBytes: 0,
    txBytes: 0,
    rxFrames: 0,
    txFrames: 0,
    podCidrs: [],
    since: null,
    lastHandshake: null,
    version: '0.1.0',
  },
];

export const ROUTES: readonly Route[] = [
  { cidr: '10.1.1.0/24', node: 'node-a', nodeId: 'aaaa', via: 'local', conflict: null },
  {
    cidr: '10.1.2.0/24',
    node: 'node-b',
    nodeId: 'bbbb',
    via: 'link',
    conflict: 'node-x',
    conflictReason: 'node-b was in the cluster earlier',
  },
  { cidr: 'fd00:3::/64', node: 'node-c', nodeId: 'cccc', via: 'unreachable', conflict: null },
];

export const ENDPOINTS: readonly Endpoint[] = [
  {
    containerId: '4f2c1d0e9b8a7f6e5d4c3b2a19080706',
    ifname: 'eth0',
    netns: '/run/netns/pod-a',
    hostInterface: 'hd4f2c1d0e9b8a',
    mac: '0a:58:0a:01:01:05',
    ips: ['10.1.1.5', 'fd00:1::5'],
    podNamespace: 'default',
    podName: 'web-0',
    since: ago(7200),
  },
  {
    containerId: 'demo',
    ifname: 'eth0',
    netns: '/run/netns/pod-b',
    hostInterface: 'hddemo',
    mac: '0a:58:0a:01:01:06',
    ips: ['10.1.1.6'],
    podNamespace: null,
    podName: null,
    since: ago(30),
  },
];

const WEB_RULE = { policy: 'red/web', index: 0, peers: 'pods with app=web of namespace red', ports: 'TCP 80' };
const OPEN = { isolated: false, policies: [], rules: [] };

const DENIED: DroppedTraffic = {
  ...{ last: '2026-11-21T11:59:00.000Z', seen: 3, direction: 'ingress', protocol: 'TCP', port: 81 },
  source: { pod: null, ip: '10.1.2.9' },
  destination: { pod: 'red/db-0', ip: '10.1.1.5' },
  policies: ['red/deny', 'red/web'],
  rule: null,
  reason: 'default deny: isolated by red/deny, red/web, and no rule allows this',
};

/** The last is not known to the API server. */
export const POLICIES: readonly PodPolicies[] = [
  {
    pod: 'red/db-0',
    ips: ['10.1.1.5', 'fd00:1::5'],
    known: true,
    ingress: { isolated: true, policies: ['red/deny', 'red/web'], rules: [WEB_RULE] },
    egress: OPEN,
    problems: ['red/web: spec.ingress[1].ports[0]: unknown protocol "ICMP"'],
    denied: [DENIED],
  },
  {
    pod: 'red/late',
    ips: ['10.1.1.6'],
    known: false,
    ingress: { ...OPEN, isolated: true },
    egress: { ...OPEN, isolated: true },
    problems: [],
    denied: [],
  },
];

export const DECISION: PolicyDecision = {
  allowed: true,
  protocol: 'TCP',
  port: 80,
  flows: [
    {
      source: { pod: null, ip: '10.1.2.9' },
      destination: { pod: 'red/db-0', ip: '10.1.1.5' },
      allowed: true,
      egress: { allowed: true, verdict: 'notIsolated', policies: [], rule: null },
      ingress: { allowed: true, verdict: 'rule', policies: ['red/deny', 'red/web'], rule: WEB_RULE },
    },
  ],
};

export const STATUS: Status = {
  id: '00112233445566778899aabbccddeeff',
  name: 'node-a',
  publicKey: 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=',
  version: '0.1.0',
  ready: false,
  conditions: [
    { name: 'router', ok: true, message: '' },
    { name: 'peers', ok: false, message: 'no seed answers: open UDP port 6785 between the nodes' },
  ],
  startedAt: ago(3 * 86_400),
  listen: '0.0.0.0:6785',
  underlayAddresses: ['192.0.2.1', '2001:db8::1'],
  podCidrs: ['10.1.1.0/24', 'fd00:1::/64'],
  clusterCidrs: ['10.1.0.0/16', 'fd00::/16'],
  podMtuBytes: 1420,
  cipher: 'aes-256-gcm',
  router: { connected: true, instance: '7f3a', tap: 'heddle-tap' },
  addresses: [
    { cidr: '10.1.1.0/24', total: 253, used: 2, quarantined: 1 },
    { cidr: 'fd00:1::/64', total: 65_533, used: 1, quarantined: 0 },
  ],
  peers: { total: 3, up: 2 },
  drops: { 'no-route': 3, replay: 12, 'bad-tag': 0, 'source-mismatch': 1, 'too-long': 1 },
};

const node = (id: string, number: number, more: Partial<TopologyNode>): TopologyNode => ({
  id,
  name: id,
  self: false,
  state: 'up',
  endpoint: `192.0.2.${number}:6785`,
  podCidrs: [`10.1.${number}.0/24`],
  pods: [],
  podCount: more.pods?.length ?? 0,
  podsReportedAt: ago(1),
  version: '0.1.0',
  ...more,
});

const link: TopologyLink = {
  a: 'n1',
  b: 'n10',
  state: 'up',
  path: 'direct',
  cipher: 'aes-256-gcm',
  rttMs: 0.4312,
  mtuBytes: 1500,
  lossRatio: 0,
  abBitsPerSecond: 1_500_000,
  baBitsPerSecond: 0,
};

/** n2 is dead. */
export const TOPOLOGY: Topology = {
  at: NOW,
  nodes: [
    node('n10', 3, {}),
    node('n1', 1, {
      self: true,
      state: 'self',
      pods: [{ name: 'default/web-0', ips: ['10.1.1.5'] }],
      podsReportedAt: NOW,
    }),
    node('n2', 2, {
      state: 'down',
      podCidrs: ['10.1.2.0/24', 'fd00:2::/64'],
      pods: [{ name: 'default/db-0', ips: ['10.1.2.9', 'fd00:2::9'] }],
      podsReportedAt: ago(312),
    }),
  ],
  links: [link, { ...link, b: 'n2', state: 'down', rttMs: null, mtuBytes: null, lossRatio: 1 }],
  reports: { received: 1, expected: 1 },
};

/** For commands that must not touch the file of cluster secrets. */
export const NO_SECRET_FILE: SecretFileChange = {
  ids: () => Promise.resolve([]),
  add: () => Promise.resolve([]),
  dropOld: () => Promise.resolve([]),
};
