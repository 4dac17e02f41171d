/**
 * Two bare nodes (`bare-node.ts`: the real router, no agent) on the real kernel, with one pod each: TAP, bridge, veths and
 * a veth underlay, each side in network namespaces of its own. Needs root and a build.
 *
 *   pod a -- veth -- bridge -- TAP  [router a] == underlay == [router b]  TAP -- bridge -- veth -- pod b
 */
import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { IpAddress } from '../../common/ip-address.js';
import { parseIpAddress } from '../../common/ip-address.js';
import { computedMac } from '../../common/mac-address.js';
import type { MacAddress } from '../../common/mac-address.js';
import type { CipherName, RouterCommand, RouterEvent } from '../../common/router-port.js';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/network-namespace.js';
import { waitUntil } from '../../deploy/demo/wait-until.js';

const PORT = 6785;
const START_TIMEOUT_MS = 20_000;
const RUN_TIMEOUT_MS = 40_000;
const PAYLOADS = resolve('test/net/payloads.mjs');
const BARE_NODE = resolve('dist/bare-node.js');
const CLUSTER_CIDRS = ['10.50.0.0/16', 'fd50::/48'];

type Family = '4' | '6';
type SideName = 'a' | 'b';

interface Side {
  readonly name: SideName;
  readonly number: number;
  readonly id: string;
  readonly node: NetworkNamespace;
  readonly pod: NetworkNamespace;
  readonly underlayIp: string;
  readonly mac: MacAddress;
}

/** The last words of a program in a pod. */
export type Report = Readonly<Record<string, unknown>>;

export class DataPathLab {
  readonly #prefix = `hddp${process.pid}`;
  readonly #directory = mkdtempSync(join(tmpdir(), 'heddle-data-path-'));
  readonly #routers = new Map<SideName, BareRouter>();
  #sides: readonly [Side, Side] | null = null;

  constructor(readonly cipher: CipherName = 'aes-256-gcm') {}

  get a(): Side {
    return this.#sides![0];
  }

  get b(): Side {
    return this.#sides![1];
  }

  async open(): Promise<void> {
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
    for (const name of ['na', 'nb', 'pa', 'pb']) await removeNamespace(`${this.#prefix}-${name}`);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The underlay's MTU, as the path-MTU search would find it, and what the pods are given. */
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

  /** As a plain network card: every datagram travels alone, and is received alone. */
  async setUnderlayOffload(on: boolean): Promise<void> {
    const segments = on ? '65535' : '1';
    for (const { node } of [this.a, this.b]) await node.ip('link', 'set', 'und0', 'gso_max_segs', segments);
  }

  /** Loses one packet in so many on the way into each node; 0 for none. */
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

  /** Until both routers have obeyed: commands are taken in order, and a probe comes back. */
  async settle(): Promise<void> {
    for (const [side, other] of [
      [this.a, this.b],
      [this.b, this.a],
    ] as const) {
      const router = this.#routers.get(side.name)!;
      const before = router.answers;
      await waitUntil(`an answer from node ${other.name}`, START_TIMEOUT_MS, () => {
        this.command(side.name, { type: 'probe', peer: other.id, probeId: 1, sizeBytes: 128 });
        return Promise.resolve(router.answers > before);
      });
    }
  }

  drops(side: SideName): Readonly<Record<string, number>> {
    return this.#routers.get(side)!.drops;
  }

  address(side: Side, family: Family): IpAddress {
    return addressOf(side.number, family);
  }

  /** Runs a receiver in one pod and a sender in the other; gives back what both said. */
  async transfer(
    from: Side,
    to: Side,
    receiver: readonly string[],
    sender: (host: string) => readonly string[],
    family: Family,
  ): Promise<{ readonly received: Report; readonly sent: Report }> {
    const listening = new PodProgram(to.pod, receiver);
    await listening.line();
    const sending = new PodProgram(from.pod, sender(addressOf(to.number, family)));
    const [sent, received] = await Promise.all([sending.report(), listening.report()]);
    return { sent, received };
  }

  async #makeSide(name: SideName, number: number): Promise<Side> {
    const node = await NetworkNamespace.create(`${this.#prefix}-n${name}`);
    const pod = await NetworkNamespace.create(`${this.#prefix}-p${name}`);
    const mac = computedMac(addressOf(number, '4'));
    await node.ip('link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    await node.ip('link', 'set', 'br0', 'up');
    await node.ip('link', 'add', 'pod0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.path);
    await node.ip('link', 'set', 'pod0', 'master', 'br0', 'up');
    await pod.ip('link', 'set', 'eth0', 'address', mac, 'up');
    await pod.ip('address', 'add', `${addressOf(number, '4')}/16`, 'dev', 'eth0');
    await pod.ip('address', 'add', `${addressOf(number, '6')}/48`, 'dev', 'eth0', 'nodad');
    const id = name.repeat(32);
    return { name, number, id, node, pod, mac, underlayIp: `192.0.2.${number}` };
  }

  async #startRouter(side: Side): Promise<void> {
    const socket = join(this.#directory, `${side.name}.sock`);
    const router = new BareRouter(side.node, ['tap0', side.underlayIp, String(PORT), socket]);
    this.#routers.set(side.name, router);
    await router.ready();
    await side.node.ip('link', 'set', 'tap0', 'master', 'br0', 'up');
  }

  /** What a handshake would have given `from` of `to`. */
  #introduce(from: Side, to: Side): void {
    const [localIndex, remoteIndex] = [0x10000 * from.number + 1, 0x10000 * to.number + 1];
    const key = (side: Side) => ({ $hex: side.number.toString(16).repeat(64) });
    const session = {
      peer: to.id,
      localIndex,
      remoteIndex,
      cipher: this.cipher,
      sendKey: key(from),
      receiveKey: key(to),
    };
    this.command(from.name, {
      type: 'path',
      path: { peer: to.id, endpoint: { ip: to.underlayIp, port: PORT }, mtuBytes: 1500 },
    });
    this.command(from.name, { type: 'installSession', session });
    this.command(from.name, { type: 'activateSession', localIndex });
    const endpoints = (['4', '6'] as const).map((family) => ({ ip: addressOf(from.number, family), mac: from.mac }));
    const routes = cidrsOf(to.number).map((cidr) => ({ cidr, peer: to.id }));
    const tables = { generation: 1, clusterCidrs: CLUSTER_CIDRS, localCidrs: cidrsOf(from.number), endpoints, routes };
    this.command(from.name, { type: 'tables', tables });
  }
}

function addressOf(number: number, family: Family): IpAddress {
  return parseIpAddress(family === '4' ? `10.50.${number}.5` : `fd50:0:0:${number}::5`);
}

function cidrsOf(number: number): string[] {
  return [`10.50.${number}.0/24`, `fd50:0:0:${number}::/64`];
}

/** A bare node's process: commands in, events out. */
class BareRouter {
  readonly #process: ChildProcess;
  #greeted = false;
  #errors = '';
  answers = 0;
  drops: Readonly<Record<string, number>> = {};

  constructor(namespace: NetworkNamespace, args: readonly string[]) {
    this.#process = namespace.spawn(process.execPath, [BARE_NODE, ...args], ['pipe', 'pipe', 'pipe']);
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#take(line));
    this.#process.stderr!.on('data', (chunk: Buffer) => (this.#errors += chunk.toString().slice(0, 2000)));
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
    const event = JSON.parse(line) as RouterEvent | { readonly type?: undefined };
    if (event.type === 'hello') this.#greeted = true;
    if (event.type === 'probeAnswer') this.answers++;
    if (event.type === 'counters') this.drops = event.drops;
  }
}

/** A program of `payloads.mjs` in a pod. */
class PodProgram {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: NetworkNamespace, args: readonly string[]) {
    const program = [process.execPath, '--no-deprecation', PAYLOADS, ...args];
    this.#process = spawn('nsenter', [`--net=${namespace.path}`, ...program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: RUN_TIMEOUT_MS,
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    expect(done).not.toBe(true);
    return value as string;
  }

  async report(): Promise<Report> {
    return JSON.parse(await this.line()) as Report;
  }
}
