/**
 * Fake node: kernel, address pool and endpoint list in memory, as {@link CniDeps}. A test can crash it before any step;
 * the steps before that stay done.
 */
import { cidrAddressAt, gatewayOf, parseCidr } from '../../common/address/cidr.js';
import { HeddleError } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { silentLogger } from '../../common/log.js';
import type { Logger } from '../../common/log.js';
import { hostInterfaceOf, hostMacOf } from '../attachment.js';
import type { AttachmentOwner, AttachmentPlan, EndpointRecord, PodAddress } from '../attachment.js';
import { CniService } from '../verbs/cni-service.js';
import type { LiveAttachment } from '../verbs/endpoint-reconciler.js';
import { formatInterfaceAlias } from '../pod-network/interface-alias.js';
import type { PodInterface, PodRouteFound } from '../deps.js';
import type { CniDeps, Unreadiness } from '../deps.js';
import type { CniResponse } from '../relay/relay-protocol.js';

const CIDRS = [parseCidr('10.1.0.0/24'), parseCidr('fd00:1::/64')];
export const CLUSTER_CIDRS = [parseCidr('10.0.0.0/8'), parseCidr('fd00::/16')];

interface Pair {
  readonly hostInterface: string;
  readonly mac: string;
  readonly netns: string;
  readonly ifname: string;
  alias: string;
  bridge: string | null;
  pod: PodInterface;
  routes: PodRouteFound[];
}

export class FakeNode {
  /** Namespaces that exist. */
  readonly namespaces = new Set<string>();
  readonly pairs = new Map<string, Pair>();
  readonly allocations = new Map<string, { owner: AttachmentOwner; addresses: PodAddress[] }>();
  readonly records = new Map<string, EndpointRecord>();
  readonly announced: (readonly EndpointRecord[])[] = [];
  /** Messages of the log from `warn` up. */
  readonly warnings: string[] = [];
  /** Names of the steps passed, in order. */
  readonly steps: string[] = [];
  unready: Unreadiness | null = null;
  nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  service: CniService;
  #stepsLeft = Infinity;
  #crashed = false;
  #refused = '';
  #nextOffset = 2n;

  constructor() {
    this.service = new CniService(this.#deps());
  }

  /** The `steps`-th step from now does not happen, nor any later one, until {@link restart}. */
  crashAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** Every step of this name fails from now on; none when empty. */
  refuse(name: string): void {
    this.#refused = name;
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  /** A new process on the same kernel and disk, after its reconciliation. */
  async restart(): Promise<readonly LiveAttachment[]> {
    this.#crashed = false;
    this.#stepsLeft = Infinity;
    this.service = new CniService(this.#deps());
    const live = await this.service.reconcile();
    for (const [key, { owner }] of this.allocations) {
      if (!live.some((pod) => hostInterfaceOf(pod.owner) === hostInterfaceOf(owner))) this.allocations.delete(key);
    }
    return live;
  }

  call(command: string, config: object = {}, env: Record<string, string> = {}, asOfMs?: number): Promise<CniResponse> {
    const attachment = { CNI_CONTAINERID: 'pod-a', CNI_IFNAME: 'eth0', CNI_NETNS: '/run/netns/a', CNI_ARGS: '' };
    const request = {
      env: new Map(Object.entries({ CNI_COMMAND: command, ...attachment, ...env })),
      stdin: Buffer.from(JSON.stringify({ cniVersion: '1.1.0', name: 'heddle', type: 'heddle-cni', ...config })),
    };
    return this.service.handle(request, asOfMs);
  }

  /** A foreign interface whose name begins like those of pods. */
  addForeign(hostInterface: string, bridge: string | null, alias = ''): void {
    const pod: PodInterface = { up: true, mac: '02:00:00:00:00:01', ips: [] };
    const mac = '02:00:00:00:00:02';
    this.pairs.set(hostInterface, { hostInterface, mac, netns: '', ifname: '', alias, bridge, pod, routes: [] });
  }

  /** Removes the namespace with its interfaces, as the kernel does when a container dies. */
  destroyNamespace(netns: string): void {
    this.namespaces.delete(netns);
    for (const [name, pair] of this.pairs) if (pair.netns === netns) this.pairs.delete(name);
  }

  async #step(name: string): Promise<void> {
    await Promise.resolve();
    if (!this.#crashed && --this.#stepsLeft <= 0) this.#crashed = true;
    if (this.#crashed) throw new HeddleError('PORT_CLOSED', 'the agent is dead');
    if (name === this.#refused) throw new HeddleError('STORE_FAILED', `${name} refused`);
    this.steps.push(name);
  }

  #deps(): CniDeps {
    return {
      addresses: {
        allocate: (owner) => this.#allocate(owner),
        release: async (owner) => {
          await this.#step('release');
          this.allocations.delete(hostInterfaceOf(owner));
        },
        list: () =>
          [...this.allocations.values()].flatMap(({ owner, addresses }) => addresses.map(({ ip }) => ({ ip, owner }))),
      },
      network: {
        attach: (plan) => this.#attach(plan),
        detach: async (hostInterface) => {
          await this.#step('detach');
          this.pairs.delete(hostInterface);
        },
        inspect: async (netns, ifname) => {
          await this.#step('inspect');
          return this.#pairIn(netns, ifname)?.pod ?? null;
        },
        routes: async (netns, ifname) => {
          await this.#step('routes');
          return this.#pairIn(netns, ifname)?.routes ?? [];
        },
        hostInterfaces: async () => {
          await this.#step('hostInterfaces');
          const found = [...this.pairs.values()].map((pair) => ({ name: pair.hostInterface, up: true, ...pair }));
          return new Map(found.map((one) => [one.name, one]));
        },
        repairHostInterface: async (hostInterface, bridge) => {
          await this.#step('repair');
          this.pairs.get(hostInterface)!.bridge = bridge;
        },
      },
      endpoints: {
        get: (hostInterface) => this.records.get(hostInterface) ?? null,
        list: () => [...this.records.values()],
        put: async (record) => {
          await this.#step('put');
          this.records.set(record.hostInterface, record);
        },
        remove: async (hostInterface) => {
          await this.#step('remove');
          this.records.delete(hostInterface);
        },
      },
      settings: () => ({ bridge: 'heddle0', podMtuBytes: 1400, clusterCidrs: CLUSTER_CIDRS }),
      readiness: () => this.unready,
      announce: async (endpoints) => {
        await this.#step('announce');
        this.announced.push(endpoints);
      },
      wallTime: () => new Date(this.nowMs),
      log: this.#log(),
    };
  }

  #log(): Logger {
    const note = (_: unknown, message: string) => this.warnings.push(message);
    return { ...silentLogger(), info: () => undefined, warn: note, error: note } as unknown as Logger;
  }

  async #allocate(owner: AttachmentOwner): Promise<readonly PodAddress[]> {
    await this.#step('allocate');
    const key = hostInterfaceOf(owner);
    const held = this.allocations.get(key);
    if (held !== undefined) return held.addresses;
    const offset = this.#nextOffset++;
    const addresses = CIDRS.map((cidr) => ({ ip: cidrAddressAt(cidr, offset), cidr, gateway: gatewayOf(cidr) }));
    this.allocations.set(key, { owner, addresses });
    return addresses;
  }

  /** In parts, as the kernel does it: a crash between them leaves half an attachment. */
  async #attach(plan: AttachmentPlan): Promise<void> {
    await this.#step('pair');
    if (!this.namespaces.has(plan.netns)) throw new HeddleError('COMMAND_FAILED', 'no such namespace');
    const { hostInterface, netns, mac } = plan;
    const bare: PodInterface = { up: true, mac, ips: [] };
    const pair: Pair = {
      hostInterface,
      mac: hostMacOf(plan.owner),
      netns,
      ifname: plan.owner.ifname,
      alias: '',
      bridge: null,
      pod: bare,
      routes: [],
    };
    this.pairs.set(hostInterface, pair);
    await this.#step('bridge port');
    pair.alias = formatInterfaceAlias(plan) ?? '';
    pair.bridge = plan.bridge;
    await this.#step('addresses');
    pair.pod = { ...bare, ips: plan.addresses.map(({ ip }): IpAddress => ip) };
    pair.routes = plan.routes.map(({ dst, gateway }) => ({ dst, gateway }));
  }

  #pairIn(netns: string, ifname: string): Pair | undefined {
    return [...this.pairs.values()].find((pair) => pair.netns === netns && pair.ifname === ifname);
  }
}
