/**
 * Fake node: kernel, address pool and endpoint list in memory, as {@link CniDeps}. A test can crash it before any step;
 * the steps before that stay done.
 */
import { cidrAddressAt, gatewayOf, parseCidr } from '../../common/address/cidr.js';
import { HeddleError } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { silentLogger } from '../../common/log.js';
import type { Logger } from '../../common/log.js';
import { hostInterfaceOf, hostMacOf, SOLE_ROUTING } from '../attachment.js';
import type { AttachmentOwner, AttachmentPlan, EndpointRecord, PodAddress, PodRoute } from '../attachment.js';
import { CniService } from '../verbs/cni-service.js';
import type { LiveAttachment } from '../verbs/endpoint-reconciler.js';
import { formatInterfaceAlias } from '../pod-network/interface-alias.js';
import { POD_INTERFACE_GROUP } from '../../common/host/kernel-marks.js';
import type {
  CniDeps,
  GuardElement,
  HostSide,
  HostSideFound,
  PodInterface,
  PodRouteFound,
  SourceRule,
  Unreadiness,
} from '../deps.js';
import { elementsOf } from '../pod-network/host-side.js';
import { podRoutes } from '../pod-network/pod-routes.js';
import { sourceRulesOf } from '../pod-network/attachment-requests.js';
import type { CniResponse } from '../relay/relay-protocol.js';

const CIDRS = [parseCidr('10.1.0.0/24'), parseCidr('fd00:1::/64')];
export const CLUSTER_CIDRS = [parseCidr('10.0.0.0/8'), parseCidr('fd00::/16')];

const MTU = 1400;
const NEW_INTERFACE: PodInterface = { name: '', index: 2, peerIndex: null, up: true, mac: '', mtuBytes: MTU, ips: [] };

interface Pair {
  readonly hostInterface: string;
  readonly index: number;
  readonly mac: string;
  mtuBytes: number;
  netns: string;
  alias: string;
  bridge: string | null;
  group: string;
  pod: PodInterface;
  routes: PodRouteFound[];
  /** Permanent neighbours inside the pod. */
  gateways: IpAddress[];
  rules: SourceRule[];
  /** Neighbours, routes and guard elements of the host's side. */
  side: HostSide | null;
}

export class FakeNode {
  /** Namespaces that exist. */
  readonly namespaces = new Set<string>();
  readonly pairs = new Map<string, Pair>();
  readonly allocations = new Map<string, { owner: AttachmentOwner; addresses: PodAddress[] }>();
  readonly records = new Map<string, EndpointRecord>();
  /** MTU of the node's settings. */
  podMtuBytes = MTU;
  readonly announced: (readonly EndpointRecord[])[] = [];
  /** Interfaces of pods whose ADD runs, from their verdict on. */
  readonly admitted = new Set<string>();
  /** Messages of the log from `warn` up. */
  readonly warnings: string[] = [];
  /** Addresses whose connections were removed, in order. */
  readonly forgotten: IpAddress[] = [];
  /** Routes by interfaces of other plugins, by namespace. */
  readonly foreignRoutes = new Map<string, readonly PodRouteFound[]>();
  /** Tables whose rules were removed, in order. */
  readonly removedTables: number[] = [];
  /** Addresses that no pod takes. */
  readonly refusedAddresses = new Set<IpAddress>();
  /** Elements of the source guard. */
  guard: GuardElement[] = [];
  /** Names of the steps passed, in order. */
  readonly steps: string[] = [];
  unready: Unreadiness | null = null;
  nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  service: CniService;
  #stepsLeft = Infinity;
  #crashed = false;
  #refused = '';
  #nextOffset = 2n;
  #nextIndex = 3;

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
    const pod: PodInterface = { ...NEW_INTERFACE, mac: '02:00:00:00:00:01' };
    const mac = '02:00:00:00:00:02';
    const index = this.#nextIndex++;
    const place = { netns: '', alias, bridge, group: 'default', mtuBytes: MTU };
    const inside = { pod, routes: [], gateways: [], rules: [] };
    this.pairs.set(hostInterface, { hostInterface, index, mac, ...inside, side: null, ...place });
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
        interfacesIn: async (netns) => {
          await this.#step('interfacesIn');
          return this.namespaces.has(netns) ? this.#pairsIn(netns).map(({ pod }) => pod) : null;
        },
        routes: async (netns) => {
          await this.#step('routes');
          return [...this.#pairsIn(netns).flatMap(({ routes }) => routes), ...(this.foreignRoutes.get(netns) ?? [])];
        },
        gateways: async (netns, ifname) => {
          await this.#step('gateways');
          return this.#pairsIn(netns).find(({ pod }) => pod.name === ifname)!.gateways;
        },
        sourceRules: async (netns) => {
          await this.#step('sourceRules');
          const rules = this.#pairsIn(netns).flatMap((pair) => pair.rules);
          return rules.map(({ source, table }) => ({ source, table: String(table) }));
        },
        addInside: async (netns, ifname, { ips, gateways, routes, rules }) => {
          await this.#step('addInside');
          const pair = this.#pairsIn(netns).find(({ pod }) => pod.name === ifname)!;
          const taken = ips.filter((ip) => !this.refusedAddresses.has(ip));
          pair.pod = { ...pair.pod, ips: [...pair.pod.ips, ...taken] };
          pair.gateways.push(...gateways);
          pair.routes.push(...routesFound(ifname, routes));
          pair.rules.push(...rules);
        },
        hostInterfaces: async () => {
          await this.#step('hostInterfaces');
          return [...this.pairs.values()].map((pair) => this.#sideOf(pair).interface);
        },
        observe: async () => {
          await this.#step('observe');
          const sides = new Map([...this.pairs].map(([name, pair]) => [name, this.#sideOf(pair)]));
          return { sides, strayElements: this.guard.filter(({ hostInterface }) => !sides.has(hostInterface)) };
        },
        repair: async (wanted) => {
          await this.#step('repair');
          this.#bind(this.pairs.get(wanted.hostInterface)!, wanted);
        },
        removeElements: async (elements) => {
          await this.#step('removeElements');
          this.guard = this.guard.filter((one) => !elements.some((other) => sameElement(one, other)));
        },
        removeRules: async (_netns, table) => {
          await this.#step('removeRules');
          this.removedTables.push(table);
        },
        routeByGateway: async (owner, netns, ifname, addresses, onLink) => {
          await this.#step('routeByGateway');
          const pair = this.#pairsIn(netns).find(({ pod }) => pod.name === ifname)!;
          pair.routes = pair.routes.filter(({ dst, gateway }) => gateway !== null || !onLink.includes(dst));
          pair.routes.push(...routesFound(ifname, podRoutes(owner, addresses, SOLE_ROUTING, [])));
        },
        setPodMtu: async (netns, ifname, mtuBytes) => {
          await this.#step('setPodMtu');
          const pair = this.#pairsIn(netns).find(({ pod }) => pod.name === ifname)!;
          pair.pod = { ...pair.pod, mtuBytes };
        },
        setHostMtu: async (hostInterface, mtuBytes) => {
          await this.#step('setHostMtu');
          this.pairs.get(hostInterface)!.mtuBytes = mtuBytes;
        },
        forgetConnections: async (addresses) => {
          await this.#step('forgetConnections');
          this.forgotten.push(...addresses);
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
      settings: () => ({
        bridge: 'heddle0',
        podMtuBytes: this.podMtuBytes,
        podCidrs: CIDRS,
        clusterCidrs: CLUSTER_CIDRS,
      }),
      readiness: () => this.unready,
      admit: async (endpoint) => {
        await this.#step('admit');
        this.admitted.add(endpoint.hostInterface);
        return () => void this.admitted.delete(endpoint.hostInterface);
      },
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
    const index = this.#nextIndex++;
    const { mtuBytes } = plan;
    const bare: PodInterface = { ...NEW_INTERFACE, name: plan.owner.ifname, peerIndex: index, mac, mtuBytes };
    const pair: Pair = {
      hostInterface,
      index,
      mac: hostMacOf(plan.owner),
      mtuBytes,
      netns,
      alias: '',
      bridge: null,
      group: 'default',
      pod: bare,
      routes: [],
      gateways: [],
      rules: [],
      side: null,
    };
    this.pairs.set(hostInterface, pair);
    await this.#step('bridge port');
    pair.alias = formatInterfaceAlias(plan) ?? '';
    this.#bind(pair, plan);
    await this.#step('addresses');
    pair.pod = { ...bare, ips: plan.addresses.map(({ ip }): IpAddress => ip) };
    pair.gateways = plan.addresses.map(({ gateway }) => gateway);
    pair.routes = routesFound(plan.owner.ifname, plan.routes);
    pair.rules = [...sourceRulesOf(plan.routes)];
  }

  #bind(pair: Pair, side: HostSide): void {
    Object.assign(pair, { side, bridge: side.bridge, group: POD_INTERFACE_GROUP });
    this.guard = this.guard.filter(({ hostInterface }) => hostInterface !== side.hostInterface);
    this.guard.push(...elementsOf(side));
  }

  #sideOf({ hostInterface: name, index, mac, mtuBytes, alias, bridge, group, pod, side }: Pair): HostSideFound {
    const ports = side === null ? {} : { isolated: true, learning: false };
    const peer = { index: pod.index, netnsId: 0 };
    const addresses = side?.addresses ?? [];
    return {
      interface: { name, index, mac, mtuBytes, up: true, bridge, alias, group, peer, portSettings: ports },
      neighbours: addresses.map(({ ip }) => ({ address: ip, mac: side!.mac })),
      routes: addresses.map(({ ip, gateway }) => ({ destination: ip, source: gateway })),
      elements: this.guard.filter(({ hostInterface }) => hostInterface === name),
    };
  }

  #pairsIn(netns: string): Pair[] {
    return [...this.pairs.values()].filter((pair) => pair.netns === netns);
  }
}

function routesFound(ifname: string, routes: readonly PodRoute[]): PodRouteFound[] {
  return routes.map(({ dst, gateway, metric, table }) => ({
    ...{ dst, gateway, ifname, metric },
    table: table === null ? null : String(table),
  }));
}

function sameElement(one: GuardElement, other: GuardElement): boolean {
  return one.hostInterface === other.hostInterface && one.mac === other.mac && one.ip === other.ip;
}
