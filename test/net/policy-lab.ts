/**
 * Node with pods in network namespaces, for tests of network policies with real packets. The node routes between its pods and has
 * the policies' table; nothing else of Heddle runs. Needs root, iproute2 and nft.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll } from '@jest/globals';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { RunLock } from '../../deploy/demo/machine/run-lock.js';
import { PolicyTableInKernel } from './policy-table-in-kernel.js';

const POD_PROGRAM = resolve('test/net/policy-pod.mjs');
export const PORTS = [80, 81];
/** Of an answer that has to come, on a machine under load; of one that must not. */
const ANSWERED_WITHIN_MS = 5_000;
const SILENT_FOR_MS = 150;

export interface Probe {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly expected: boolean;
}

export class PolicyPod {
  readonly #answers: AsyncIterator<string>;

  constructor(
    readonly namespace: NetworkNamespace,
    readonly ips: readonly string[],
    readonly program: ChildProcess,
  ) {
    this.#answers = createInterface({ input: program.stdout! })[Symbol.asyncIterator]();
  }

  async ready(): Promise<void> {
    await this.#answers.next();
  }

  /** Whether each was answered. */
  async ask(probes: readonly Probe[]): Promise<readonly boolean[]> {
    const timed = probes.map((probe) => ({ ...probe, withinMs: probe.expected ? ANSWERED_WITHIN_MS : SILENT_FOR_MS }));
    this.program.stdin!.write(`${JSON.stringify(timed)}\n`);
    return JSON.parse((await this.#answers.next()).value as string) as boolean[];
  }
}

export class PolicyLab {
  node!: NetworkNamespace;
  readonly pods: PolicyPod[] = [];
  table!: PolicyTableInKernel;

  async create(prefix: string, addresses: readonly (readonly string[])[]): Promise<void> {
    this.node = await NetworkNamespace.create(`${prefix}n`);
    this.table = new PolicyTableInKernel(this.node);
    await this.node.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const [i, ips] of addresses.entries()) this.pods.push(await this.#createPod(`${prefix}p${i}`, `v${i}`, ips));
    await Promise.all(this.pods.map((pod) => pod.ready()));
  }

  async remove(): Promise<void> {
    for (const { program } of this.pods) {
      program.kill();
      await once(program, 'exit');
    }
    if (this.node !== undefined) await removeNamespace(this.node.name);
  }

  async #createPod(name: string, hostInterface: string, ips: readonly string[]): Promise<PolicyPod> {
    const pod = await NetworkNamespace.create(name);
    await this.node.ip('link', 'add', hostInterface, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    await this.node.ip('address', 'add', '169.254.1.1/32', 'dev', hostInterface);
    await this.node.ip('address', 'add', 'fe80::1/64', 'dev', hostInterface, 'nodad');
    await this.node.ip('link', 'set', hostInterface, 'up');
    await pod.ip('link', 'set', 'eth0', 'up');
    for (const ip of ips) {
      const isV6 = ip.includes(':');
      await pod.ip('address', 'add', `${ip}/${isV6 ? 128 : 32}`, 'dev', 'eth0', ...(isV6 ? ['nodad'] : []));
      const gateway = isV6 ? 'fe80::1' : '169.254.1.1';
      await pod.ip('route', 'add', 'default', 'via', gateway, 'dev', 'eth0', ...(isV6 ? [] : ['onlink']));
      await this.node.ip('route', 'add', `${ip}/${isV6 ? 128 : 32}`, 'dev', hostInterface);
    }
    return new PolicyPod(
      pod,
      ips,
      pod.spawn(process.execPath, [POD_PROGRAM, ...PORTS.map(String)], ['pipe', 'pipe', 'inherit']),
    );
  }
}

/** One lab for all tests of a file. */
export function usePolicyLab(addresses: readonly (readonly string[])[], timeoutMs: number): PolicyLab {
  const lab = new PolicyLab();
  const names: string[] = [];
  beforeAll(async () => {
    const { prefix } = await RunLock.take();
    names.push(...addresses.map((_, i) => `${prefix}p${i}`));
    await lab.create(prefix, addresses);
  }, timeoutMs);
  afterAll(async () => {
    await lab.remove();
    for (const name of names) await removeNamespace(name);
  }, timeoutMs);
  return lab;
}
