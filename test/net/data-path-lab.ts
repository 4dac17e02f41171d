/**
 * Two bare nodes (`bare-node.ts`: the real router, no agent) on the real kernel, with one pod each: TAP, bridge, veths and
 * a veth underlay, each side in network namespaces of its own. Needs root and a build.
 *
 *   pod a -- veth -- bridge, TAP  [router a] == underlay == [router b]  TAP, bridge -- veth -- pod b
 *
 * Pods are routed as `agent/host-network/` and `cni/pod-network/` have it, with what a frame's way needs and no more.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { computedMac, GATEWAY_MAC, MESH_MAC } from '../../common/address/mac-address.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import { MESH_NEXT_HOP } from '../../common/host/kernel-marks.js';
import type { CipherName, RouterCommand, RouterEvent } from '../../common/router-port.js';
import { RunLock } from '../../deploy/demo/machine/run-lock.js';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Report } from './pod-program.js';
import { PodProgram } from './pod-program.js';

/** UDP port of both routers. */
export const PORT = 6785;
const START_TIMEOUT_MS = 20_000;
const BARE_NODE = resolve('dist/bare-node.js');
const SMALL_PROBE_BYTES = 128;
const MAX_LANES = 16;
/** Session slots of one side, used in turn. */
const SLOTS = 4;
const CLUSTER_CIDR = { '4': '10.50.0.0/16', '6': 'fd50::/48' } as const;
const FAMILIES = ['4', '6'] as const;
/** Loose: what comes up from the bridge is answered through its ports. */
const FORWARDING = `cd /proc/sys/net && echo 1 > ipv4/ip_forward && echo 1 > ipv6/conf/all/forwarding &&
  echo 2 > ipv4/conf/all/rp_filter && echo 0 > ipv6/conf/default/accept_dad`;

type Family = '4' | '6';
type SideName = 'a' | 'b';
type CountersEvent = RouterEvent & { readonly type: 'counters' };

interface Side {
  readonly name: SideName;
  readonly number: number;
  readonly id: string;
  readonly node: NetworkNamespace;
  readonly pod: NetworkNamespace;
  readonly underlayIp: string;
  readonly mac: MacAddress;
}

/** Drop reasons that a fault of the sending router would cause. Loss and reordering in the network do not cause them. */
const REFUSALS = ['unknownSession', 'wrongLane', 'replayed', 'badTag', 'datagramBadFragment', 'reassemblyMismatch'];

/** One garbage collection: its kind in V8's terms, and its duration. */
export interface Collection {
  readonly kind: string;
  readonly us: number;
}

export interface LabOptions {
  readonly cipher?: CipherName;
  /** Forwarding threads of router a and of router b. */
  readonly lanes?: readonly [number, number];
  /** The environment variable NODE_OPTIONS of the routers. */
  readonly nodeOptions?: string;
}

export class DataPathLab {
  /** Its prefix is of the demo's form, so that the demo's clean-up finds what a killed test left. */
  #lock: RunLock | null = null;
  readonly #directory = mkdtempSync(join(tmpdir(), 'heddle-data-path-'));
  readonly #routers = new Map<SideName, BareRouter>();
  #sides: readonly [Side, Side] | null = null;
  /** Generation of the active session. */
  #epoch = 0;

  constructor(private readonly options: LabOptions = {}) {}

  get a(): Side {
    return this.#sides![0];
  }

  get b(): Side {
    return this.#sides![1];
  }

  get #prefix(): string {
    return this.#lock!.prefix;
  }

  async open(): Promise<void> {
    this.#lock = await RunLock.take();
    const [a, b] = [await this.#makeSide('a', 1), await this.#makeSide('b', 2)];
    this.#sides = [a, b];
    await a.node.ip('link', 'add', 'und0', 'type', 'veth', 'peer', 'name', 'und0', 'netns', b.node.path);
    for (const side of [a, b]) {
      await side.node.ip('address', 'add', `${side.underlayIp}/30`, 'dev', 'und0');
      await side.node.ip('link', 'set', 'und0', 'up');
      await this.#startRouter(side);
    }
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#introduce(from, to);
    }
    await this.setMtus(1500, 1392);
  }

  async close(): Promise<void> {
    for (const router of this.#routers.values()) await router.stop();
    for (const name of ['na', 'nb', 'pa', 'pb']) await removeNamespace(`${this.#prefix}${name}`);
    this.#lock?.release();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** MTU of the underlay, as the path MTU search would find it, and of the pods. */
  async setMtus(underlayBytes: number, podBytes: number): Promise<void> {
    for (const [side, other] of [
      [this.a, this.b],
      [this.b, this.a],
    ] as const) {
      await side.node.ip('link', 'set', 'und0', 'mtu', String(underlayBytes));
      for (const device of ['pod0', 'br0', 'tap0']) await side.node.ip('link', 'set', device, 'mtu', String(podBytes));
      await side.pod.ip('link', 'set', 'eth0', 'mtu', String(podBytes));
      this.command(side.name, {
        type: 'path',
        path: { peer: other.id, endpoint: { ip: other.underlayIp, port: PORT }, mtuBytes: underlayBytes },
      });
    }
    await this.settle();
  }

  /** A handshake that a initiates: b seals with the new session once it has the confirmation, a once b has sealed with it. */
  async switchKeys(): Promise<void> {
    const { a, b } = this;
    const [former, epoch] = [this.#epoch - 1, ++this.#epoch];
    const [indexA, indexB] = [sessionIndex(a, epoch), sessionIndex(b, epoch)];
    this.#installSession(a, b, epoch);
    // In place of the confirmation, which lane 0 sends once it has the session.
    await this.#answered(a, b);
    this.#installSession(b, a, epoch);
    this.command('b', { type: 'activateSession', localIndex: indexB });
    this.command('b', { type: 'probe', peer: a.id, probeId: 1, sizeBytes: SMALL_PROBE_BYTES });
    await this.#confirmed(a, indexA);
    this.command('a', { type: 'activateSession', localIndex: indexA });
    this.command('a', { type: 'probe', peer: b.id, probeId: 1, sizeBytes: SMALL_PROBE_BYTES });
    await this.#confirmed(b, indexB);
    // The one before stays: what was sealed with it may still be on its way.
    if (former < 0) return;
    for (const side of [a, b])
      this.command(side.name, { type: 'removeSession', localIndex: sessionIndex(side, former) });
  }

  /** Like a network card without offloads: every datagram is sent and received alone. */
  async setUnderlayOffload(on: boolean): Promise<void> {
    const segments = on ? '65535' : '1';
    for (const { node } of [this.a, this.b]) await node.ip('link', 'set', 'und0', 'gso_max_segs', segments);
  }

  /** Drops one in `n` packets on the way into each node; 0 for none. */
  async setLoss(oneIn: number): Promise<void> {
    for (const { node } of [this.a, this.b]) {
      await node.run('nft', ['-f', '-'], 'table inet loss\ndelete table inet loss\n');
      if (oneIn === 0) continue;
      const chain = 'type filter hook prerouting priority -500';
      const rule = `iifname "und0" numgen random mod ${oneIn} 0 drop`;
      await node.run('nft', ['-f', '-'], `table inet loss {\nchain input {\n${chain}\n${rule}\n}\n}\n`);
    }
  }

  command(side: SideName, command: unknown): void {
    this.#routers.get(side)!.command(command as RouterCommand);
  }

  /** Waits until both routers have run all commands: they run in order, and the last is a probe. */
  async settle(): Promise<void> {
    await this.#answered(this.a, this.b);
    await this.#answered(this.b, this.a);
  }

  drops(side: SideName): Readonly<Record<string, number>> {
    return this.#routers.get(side)!.counters.drops;
  }

  /** Processor time that a router has used so far, all its threads, in clock ticks (10 ms each). */
  async processorTicks(side: SideName): Promise<number> {
    const parent = this.#routers.get(side)!.pid;
    const [child] = (await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8')).split(' ');
    // proc_pid_stat(5), behind the name: state is field 3, utime 14, stime 15.
    const fields = (await readFile(`/proc/${child}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
    return Number(fields[11]) + Number(fields[12]);
  }

  /** Counters of a router, reported after this call. */
  async counters(side: SideName): Promise<CountersEvent> {
    const router = this.#routers.get(side)!;
    // The first to come may have been on its way already.
    const wanted = router.reports + 2;
    // Where nothing changes nothing is reported.
    await waitUntil(`counters of node ${side}`, START_TIMEOUT_MS, async () => {
      await this.settle();
      return router.reports >= wanted;
    });
    return router.counters;
  }

  /** Refusals of a router by reason, without those that the network can cause. Empty when both work. */
  async refusals(side: SideName): Promise<Readonly<Record<string, number>>> {
    const { drops } = await this.counters(side);
    return Object.fromEntries(Object.entries(drops).filter(([reason]) => REFUSALS.includes(reason)));
  }

  /** Garbage collections of the forwarding thread since its start. */
  collectionsSoFar(side: SideName): readonly Collection[] {
    return this.#routers.get(side)!.collections.flat();
  }

  /** Garbage collections of the forwarding thread during the next `n` reports. */
  async collections(side: SideName, reports: number): Promise<readonly Collection[]> {
    const { collections } = this.#routers.get(side)!;
    // What the first one says may have happened before.
    const first = collections.length + 1;
    await waitUntil(`${reports} reports of node ${side}`, START_TIMEOUT_MS, () =>
      Promise.resolve(collections.length >= first + reports),
    );
    return collections.slice(first, first + reports).flat();
  }

  /** Sends an echo request of each size, one after the other, and gives the sizes that were answered. */
  async probe(from: Side, to: Side, sizes: readonly number[]): Promise<number[]> {
    const router = this.#routers.get(from.name)!;
    router.answeredSizes.length = 0;
    for (const sizeBytes of sizes) this.command(from.name, { type: 'probe', peer: to.id, probeId: 2, sizeBytes });
    // Probes and answers keep their order, so once this one is answered the others are or never will be.
    await this.settle();
    return router.answeredSizes.filter((size) => size !== SMALL_PROBE_BYTES);
  }

  /** Counts data datagrams on their way into each node by lane, from zero. */
  async countLanes(): Promise<void> {
    const rules = Array.from({ length: MAX_LANES }, (_, lane) => `iifname "und0" @th,64,16 ${(5 << 8) | lane} counter`);
    const chain = `chain input {\ntype filter hook prerouting priority -400\n${rules.join('\n')}\n}`;
    for (const { node } of [this.a, this.b]) {
      await node.run(
        'nft',
        ['-f', '-'],
        `table inet lanes\ndelete table inet lanes\ntable inet lanes {\n${chain}\n}\n`,
      );
    }
  }

  /** Packets into the node since {@link countLanes}, coalesced ones counted once: one number per lane up to the last that is used. */
  async laneCounts(side: SideName): Promise<number[]> {
    const listing = await this[side].node.run('nft', ['list', 'chain', 'inet', 'lanes', 'input']);
    const counts = [...listing.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
    return counts.slice(0, counts.findLastIndex((packets) => packets > 0) + 1);
  }

  address(side: Side, family: Family): IpAddress {
    return addressOf(side.number, family);
  }

  /** Sends `n` streams of the given length at once. Gives the result of both ends of each. */
  async streams(from: Side, to: Side, port: number, count: number, bytes: number, family: Family) {
    const { receiver, sender } = streamPrograms(port, count, bytes);
    return this.transfer(from, to, receiver, sender, family);
  }

  /** Runs a receiver in one pod and a sender in the other. Gives the results of both. */
  async transfer(
    from: Side,
    to: Side,
    receiver: readonly string[],
    sender: (host: string) => readonly string[],
    family: Family,
  ): Promise<{ readonly received: Report; readonly sent: Report }> {
    const running = await this.start(from, to, receiver, sender, family);
    const [sent, received] = await Promise.all([running.sending.report(), running.listening.report()]);
    return { sent, received };
  }

  /** As {@link transfer}, for a sender that runs until `finish`. */
  async start(
    from: Side,
    to: Side,
    receiver: readonly string[],
    sender: (host: string) => readonly string[],
    family: Family,
  ) {
    const listening = new PodProgram(to.pod, receiver);
    await listening.line();
    const sending = new PodProgram(from.pod, sender(addressOf(to.number, family)));
    const finish = async () => {
      sending.stop();
      const sent = await sending.report();
      listening.stop();
      return { sent, received: await listening.report() };
    };
    return { sending, listening, finish };
  }

  /** Sends `n` streams until `finish`. */
  startStreams(from: Side, to: Side, port: number, count: number, family: Family) {
    const { receiver, sender } = streamPrograms(port, count, Infinity);
    return this.start(from, to, receiver, sender, family);
  }

  /** Numbered datagrams that are echoed, `atOnce` of them in flight, until `finish` or `quietMs` without an echo. */
  startEchoes(
    from: Side,
    to: Side,
    port: number,
    size: { bytes: number; atOnce: number; quietMs: number },
    family: Family,
  ) {
    const numbers = [port, size.bytes, size.atOnce, size.quietMs].map(String);
    return this.start(from, to, ['echo-datagrams', String(port)], (host) => ['send-echoed', host, ...numbers], family);
  }

  async #makeSide(name: SideName, number: number): Promise<Side> {
    const node = await NetworkNamespace.create(`${this.#prefix}n${name}`);
    const pod = await NetworkNamespace.create(`${this.#prefix}p${name}`);
    const mac = computedMac(addressOf(number, '4'));
    await node.run('sh', ['-c', FORWARDING]);
    await node.ip('link', 'add', 'br0', 'address', GATEWAY_MAC, 'type', 'bridge', 'mcast_snooping', '0');
    await node.ip('link', 'set', 'br0', 'up');
    await node.ip('link', 'add', 'pod0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.path);
    await node.ip('link', 'set', 'pod0', 'master', 'br0', 'up');
    await pod.ip('link', 'set', 'eth0', 'address', mac, 'up');
    for (const family of FAMILIES) {
      const [address, gateway] = [addressOf(number, family), gatewayOf(number, family)];
      await node.ip('address', 'add', gateway, 'dev', 'br0');
      await node.ip('neigh', 'replace', address, 'lladdr', mac, 'dev', 'pod0', 'nud', 'permanent');
      await node.ip('route', 'add', address, 'dev', 'pod0');
      // As by the CNI plugin: a pod's first connection does not wait until the address is known to be unique.
      await pod.ip('address', 'add', address, 'dev', 'eth0', ...(family === '6' ? ['nodad'] : []));
      await pod.ip('neigh', 'replace', gateway, 'lladdr', GATEWAY_MAC, 'dev', 'eth0', 'nud', 'permanent');
      await pod.ip(`-${family}`, 'route', 'add', 'default', 'via', gateway, 'dev', 'eth0', 'onlink');
    }
    const id = name.repeat(32);
    return { name, number, id, node, pod, mac, underlayIp: `192.0.2.${number}` };
  }

  async #startRouter(side: Side): Promise<void> {
    // A run directory for each: a router asks the one before it there for its state.
    const folder = join(this.#directory, side.name);
    mkdirSync(folder, { recursive: true });
    const socket = join(folder, 'router.sock');
    const lanes = this.options.lanes?.[side.number - 1] ?? 1;
    const words = [BARE_NODE, 'tap0', side.underlayIp, String(PORT), socket, String(lanes)];
    const router = new BareRouter(side.node, words, this.options.nodeOptions ?? '');
    this.#routers.set(side.name, router);
    await router.ready();
    await side.node.ip('link', 'set', 'tap0', 'master', 'br0', 'up');
    for (const family of FAMILIES) {
      const nextHop = MESH_NEXT_HOP[family === '4' ? 4 : 6];
      await side.node.ip('neigh', 'replace', nextHop, 'lladdr', MESH_MAC, 'dev', 'tap0', 'nud', 'permanent');
      await side.node.ip(`-${family}`, 'route', 'add', CLUSTER_CIDR[family], 'via', nextHop, 'dev', 'tap0', 'onlink');
    }
  }

  /** Peer entry of `to` in the router of `from`. */
  #introduce(from: Side, to: Side): void {
    this.command(from.name, {
      type: 'path',
      path: { peer: to.id, endpoint: { ip: to.underlayIp, port: PORT }, mtuBytes: 1500 },
    });
    this.#installSession(from, to, this.#epoch);
    this.command(from.name, { type: 'activateSession', localIndex: sessionIndex(from, this.#epoch) });
    const localAddresses = FAMILIES.map((family) => addressOf(from.number, family));
    const routes = cidrsOf(to.number).map((cidr) => ({ cidr, peer: to.id }));
    const tables = { generation: 1, localCidrs: cidrsOf(from.number), localAddresses, routes };
    this.command(from.name, { type: 'tables', tables });
  }

  /** Session of `from` with `to`, as a handshake would give it. */
  #installSession(from: Side, to: Side, epoch: number): void {
    const keyOf = (side: Side) => ({ $hex: (side.number * 0x100 + epoch).toString(16).padStart(4, '0').repeat(16) });
    const session = {
      peer: to.id,
      localIndex: sessionIndex(from, epoch),
      remoteIndex: sessionIndex(to, epoch),
      cipher: this.options.cipher ?? 'aes-256-gcm',
      sendKey: keyOf(from),
      receiveKey: keyOf(to),
    };
    this.command(from.name, { type: 'installSession', session });
  }

  async #answered(from: Side, to: Side): Promise<void> {
    const router = this.#routers.get(from.name)!;
    const before = router.answers;
    await waitUntil(`an answer from node ${to.name}`, START_TIMEOUT_MS, () => {
      this.command(from.name, { type: 'probe', peer: to.id, probeId: 1, sizeBytes: SMALL_PROBE_BYTES });
      return Promise.resolve(router.answers > before);
    });
  }

  async #confirmed(side: Side, localIndex: number): Promise<void> {
    const router = this.#routers.get(side.name)!;
    await waitUntil(`session ${localIndex} of node ${side.name} confirmed`, START_TIMEOUT_MS, () =>
      Promise.resolve(router.confirmed.has(localIndex)),
    );
  }
}

/** Slots are reused, as by the agent; the upper half of the index is the generation. */
function sessionIndex(side: Side, epoch: number): number {
  return 0x10000 * (side.number * 0x100 + epoch) + 1 + (epoch % SLOTS);
}

function addressOf(number: number, family: Family): IpAddress {
  return parseIpAddress(family === '4' ? `10.50.${number}.5` : `fd50:0:0:${number}::5`);
}

function gatewayOf(number: number, family: Family): string {
  return family === '4' ? `10.50.${number}.1` : `fd50:0:0:${number}::1`;
}

function cidrsOf(number: number): string[] {
  return [`10.50.${number}.0/24`, `fd50:0:0:${number}::/64`];
}

/** A bare node's process: commands in, events out. */
class BareRouter {
  readonly #process: ChildProcess;
  #greeted = false;
  #errors = '';
  /** Of probes, in the order of the answers. */
  readonly answeredSizes: number[] = [];
  answers = 0;
  /** Local indices of sessions that received a unit. */
  readonly confirmed = new Set<number>();
  /** Of garbage, one list per report of a forwarding thread (`collection-witness.mjs`). */
  readonly collections: (readonly Collection[])[] = [];
  reports = 0;
  counters: CountersEvent = { type: 'counters', drops: {}, peers: [], sessions: [] };

  constructor(namespace: NetworkNamespace, words: readonly string[], nodeOptions: string) {
    const command = [`NODE_OPTIONS=${nodeOptions}`, process.execPath, ...words];
    this.#process = namespace.spawn('env', command, ['pipe', 'pipe', 'pipe']);
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#take(line));
    this.#process.stderr!.on('data', (chunk: Buffer) => (this.#errors += chunk.toString().slice(0, 2000)));
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async ready(): Promise<void> {
    await waitUntil('the router', START_TIMEOUT_MS, () => Promise.resolve(this.#greeted)).catch((thrown: unknown) => {
      process.stderr.write(this.#errors);
      throw thrown;
    });
  }

  /** Bytes are given as `{ $hex }`. */
  command(command: RouterCommand): void {
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }

  #take(line: string): void {
    // The router's own log goes the same way.
    const event = JSON.parse(line) as RouterEvent | { readonly type?: undefined; readonly collections?: Collection[] };
    if (event.type === undefined && event.collections !== undefined) this.collections.push(event.collections);
    if (event.type === 'hello') this.#greeted = true;
    if (event.type === 'sessionConfirmed') this.confirmed.add(event.localIndex);
    if (event.type === 'probeAnswer') {
      this.answers++;
      this.answeredSizes.push(event.sizeBytes);
    }
    if (event.type === 'counters') {
      this.reports++;
      this.counters = event;
    }
  }
}

function streamPrograms(port: number, count: number, bytes: number) {
  return {
    receiver: ['receive-streams', String(port), String(count)],
    sender: (host: string) => ['send-streams', host, String(port), String(count), String(bytes)],
  };
}
