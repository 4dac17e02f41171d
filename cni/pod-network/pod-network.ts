/**
 * Kernel side of an attachment ({@link PodNetwork}): one veth pair per pod interface, one end in the pod's namespace, the
 * other an isolated port of the bridge. Makes the requests of the composers (`attachment-requests.ts`, `guard-requests.ts`,
 * `flow-requests.ts`) and tells "does not exist" from other failures. Programs list what is there. A namespace may be any path
 * (`/run/netns/x`, `/proc/PID/ns/net`), so programs enter it with nsenter.
 */
import { JoinedCalls } from '../../common/joined-calls.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { NetfilterRequest, NetlinkRequest, NetlinkRunner } from '../../common/host/netlink-runner.js';
import { CommandError, HeddleError, NetlinkError } from '../../common/errors.js';
import { listInterfaces, listNeighbours, listRoutes, listSourceRules } from '../../common/host/ip-output.js';
import type { RuleInfo } from '../../common/host/ip-output.js';
import { GATEWAY_MAC } from '../../common/address/mac-address.js';
import type { Cidr } from '../../common/address/cidr.js';
import { IP_FAMILIES, ipFamily } from '../../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import { ROUTE_PROTOCOL } from '../../common/host/kernel-marks.js';
import { HOST_INTERFACE_PREFIX } from '../attachment.js';
import type { AttachmentOwner, AttachmentPlan, PodAddress } from '../attachment.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type {
  GuardElement,
  HostInterface,
  HostObservation,
  HostSide,
  HostSideFound,
  NamespaceFiles,
  PodInterface,
  PodNetwork,
  PodParts,
  PodRouteFound,
} from '../deps.js';
import {
  hostRequests,
  ipv6Switches,
  pairRequests,
  partRequests,
  podRequests,
  reroutingRequests,
  ruleRequest,
} from './attachment-requests.js';
import type { Ipv6Switch } from './attachment-requests.js';
import { elementsOf, strayElements } from './host-side.js';
import { deleteFlow, listAllFlows, listFlowsOf } from './flow-requests.js';
import { addElements, removeElements } from './guard-requests.js';
import { deleteLink, setLinkMtu } from './link-requests.js';
import { podInterfaceOf, podRoutesOf } from './pod-inspection.js';
import { listGuardElements } from './source-guard.js';

/** Error texts of `nsenter` for a namespace that does not exist, or a file that is not one. */
const NO_NAMESPACE = /cannot open .*No such file|reassociate to namespace .* failed: Invalid argument/;
const [EEXIST, ENODEV] = [17, 19];
/** A line per interface behind two of headings (proc(5)). */
const INTERFACE_TABLE = '/proc/thread-self/net/dev';
const NO_FILES: NamespaceFiles = { read: () => null, write: () => false };
const IPV6_DISABLED = /IPv6 is disabled/;
const CONNECTION_COUNT = '/proc/sys/net/netfilter/nf_conntrack_count';
/**
 * For a list the kernel walks a table of 262144 buckets as a rule, for 5 ms, whatever is in it: up to so many connections, which
 * take the agent 3 ms, are listed once instead of three times for each IPv4 address.
 */
const MAX_LISTED_CONNECTIONS = 1000;
/** Calls that are served by the same lists. */
const MAX_TOGETHER = 16;

export class VethPodNetwork implements PodNetwork {
  /** Bounded by the CNI calls at work. */
  readonly #forgetting = new JoinedCalls<readonly IpAddress[]>((calls) => this.#forgetTogether(calls), MAX_TOGETHER);

  /** @param files without them programs read and write */
  constructor(
    readonly commands: CommandRunner,
    readonly netlink: NetlinkRunner,
    readonly files: NamespaceFiles = NO_FILES,
  ) {}

  /** The guard names interfaces, also those that are not made yet. */
  async attach(plan: AttachmentPlan): Promise<void> {
    await inNamespace(plan.netns, async () => {
      await all([this.#makePair(plan), this.#editGuard(addElements(elementsOf(plan)))]);
      await this.#configurePod(plan);
    });
  }

  async detach(hostInterface: string): Promise<void> {
    try {
      await this.netlink.run(null, [deleteLink(hostInterface)]);
    } catch (thrown) {
      if (!isRefusal(thrown, ENODEV)) throw thrown;
    }
  }

  async removeElements(elements: readonly GuardElement[]): Promise<void> {
    await this.#editGuard(removeElements(elements));
  }

  async interfacesIn(netns: string): Promise<readonly PodInterface[] | null> {
    try {
      return (await listInterfaces(this.commands, ['addr', 'show'], enter(netns))).map(podInterfaceOf);
    } catch (thrown) {
      if (isWithoutNamespace(thrown)) return null;
      throw thrown;
    }
  }

  async routes(netns: string): Promise<readonly PodRouteFound[]> {
    if (this.#isNew(netns)) return [];
    const all = ['route', 'show', 'table', 'all'];
    return podRoutesOf(await inNamespace(netns, () => listRoutes(this.commands, all, enter(netns))));
  }

  async gateways(netns: string, ifname: string): Promise<readonly string[]> {
    const args = ['neigh', 'show', 'nud', 'permanent', 'dev', ifname];
    const neighbours = await inNamespace(netns, () => listNeighbours(this.commands, args, enter(netns)));
    return neighbours.filter(({ mac }) => mac === GATEWAY_MAC).map(({ address }) => address);
  }

  async sourceRules(netns: string): Promise<readonly RuleInfo[]> {
    const list = (family: IpFamily) => listSourceRules(this.commands, family, enter(netns));
    return (await inNamespace(netns, () => Promise.all(IP_FAMILIES.map(list)))).flat();
  }

  async addInside(netns: string, ifname: string, parts: PodParts): Promise<void> {
    await this.#makeInside(netns, partRequests(ifname, parts));
  }

  async removeRules(netns: string, table: number, ips: readonly IpAddress[]): Promise<void> {
    await this.#makeInside(
      netns,
      ips.map((source) => ({ ...ruleRequest('del', { source, table }), optional: true })),
    );
  }

  async hostInterfaces(): Promise<readonly HostInterface[]> {
    const veths = await listInterfaces(this.commands, ['-details', 'link', 'show', 'type', 'veth']);
    return veths.filter(({ name }) => name.startsWith(HOST_INTERFACE_PREFIX));
  }

  /** The guard is listed before the interfaces: an element without an interface then has lost it, or never had one. */
  async observe(): Promise<HostObservation> {
    const elements = await this.#guardElements();
    const { commands } = this;
    const routeArgs = (family: 4 | 6) => [`-${family}`, 'route', 'show', 'proto', ROUTE_PROTOCOL];
    const [interfaces, neighbours, routes4, routes6] = await Promise.all([
      this.hostInterfaces(),
      listNeighbours(commands, ['neigh', 'show', 'nud', 'permanent']),
      listRoutes(commands, routeArgs(4)),
      listRoutes(commands, routeArgs(6)),
    ]);
    const routes = [...routes4, ...routes6];
    const sides = interfaces.map((found): HostSideFound => {
      const { name } = found;
      return {
        interface: found,
        neighbours: neighbours.filter(({ device }) => device === name),
        routes: routes.filter(({ device }) => device === name),
        elements: elements.filter(({ hostInterface }) => hostInterface === name),
      };
    });
    const names = new Set(interfaces.map(({ name }) => name));
    return {
      sides: new Map(sides.map((side) => [side.interface.name, side])),
      strayElements: elements.filter(({ hostInterface }) => !names.has(hostInterface)),
    };
  }

  async repair(wanted: HostSide, found: HostSideFound): Promise<void> {
    await this.#makePort(hostRequests(wanted), wanted);
    const stray = strayElements(wanted, found.elements);
    await this.#editGuard([...removeElements(stray), ...addElements(elementsOf(wanted))]);
  }

  async routeByGateway(
    owner: AttachmentOwner,
    netns: string,
    ifname: string,
    addresses: readonly PodAddress[],
    onLink: readonly Cidr[],
  ): Promise<void> {
    const present = (await this.routes(netns)).filter((route) => route.ifname === ifname && route.gateway === null);
    const stale = onLink.filter((cidr) => present.some(({ dst }) => dst === cidr));
    await this.#makeInside(netns, reroutingRequests(owner, ifname, addresses, stale));
  }

  async setPodMtu(netns: string, ifname: string, mtuBytes: number): Promise<void> {
    await this.#makeInside(netns, [setLinkMtu(ifname, mtuBytes)]);
  }

  async setHostMtu(hostInterface: string, mtuBytes: number): Promise<void> {
    await this.netlink.run(null, [setLinkMtu(hostInterface, mtuBytes)]);
  }

  forgetConnections(addresses: readonly IpAddress[]): Promise<void> {
    return this.#forgetting.run(addresses);
  }

  async #forgetTogether(calls: readonly (readonly IpAddress[])[]): Promise<readonly PromiseSettledResult<void>[]> {
    const addresses = calls.flat();
    const isShort = (await this.#connectionCount()) <= MAX_LISTED_CONNECTIONS;
    for (const list of isShort ? [listAllFlows()] : listFlowsOf(addresses)) {
      await this.netlink.deleteListed(null, list, (listed) => deleteFlow(addresses, listed));
    }
    return calls.map(() => ({ status: 'fulfilled', value: undefined }));
  }

  /** Infinite when the kernel does not say. */
  async #connectionCount(): Promise<number> {
    try {
      return Number(await this.commands.run('cat', [CONNECTION_COUNT]));
    } catch (thrown) {
      if (thrown instanceof CommandError) return Infinity;
      throw thrown;
    }
  }

  /** An existing interface of this name was left by a crash during ADD of the same attachment; it is replaced. */
  async #makePair(plan: AttachmentPlan): Promise<void> {
    const requests = [...pairRequests(plan), ...hostRequests(plan)];
    try {
      await this.#makePort(requests, plan);
    } catch (thrown) {
      if (!isRefusal(thrown, EEXIST)) throw thrown;
      await this.detach(plan.hostInterface);
      await this.#makePort(requests, plan);
    }
  }

  /** On a host that switches IPv6 off for new interfaces it is switched on for this one. */
  async #makePort(requests: readonly NetlinkRequest[], side: HostSide): Promise<void> {
    try {
      await this.netlink.run(null, requests);
    } catch (thrown) {
      if (!(thrown instanceof NetlinkError && IPV6_DISABLED.test(thrown.reason))) throw thrown;
      await this.commands.run('tee', [`/proc/sys/net/ipv6/conf/${side.hostInterface}/disable_ipv6`], '0');
      await this.netlink.run(null, hostRequests(side));
    }
  }

  /** Rejects with CniError 3 without a namespace. */
  async #makeInside(netns: string, requests: readonly NetlinkRequest[]): Promise<void> {
    if (requests.length > 0) await inNamespace(netns, () => this.netlink.run(netns, requests));
  }

  async #configurePod(plan: AttachmentPlan): Promise<void> {
    if (plan.addresses.some((address) => ipFamily(address.ip) === 6)) {
      const [program, ...args] = enter(plan.netns);
      const left = ipv6Switches(plan.owner.ifname).filter((one) => !this.#switchOff(plan.netns, one));
      if (left.length > 0) await this.commands.run(program, [...args, 'tee', ...left.map(({ path }) => path)], '0');
    }
    await this.#makeInside(plan.netns, podRequests(plan));
  }

  /** False when a program has to. */
  #switchOff(netns: string, { path, takesLock }: Ipv6Switch): boolean {
    return this.files.read(netns, path)?.trim() === '0' || (!takesLock && this.files.write(netns, path, '0'));
  }

  /** A namespace with the loopback interface alone has no routes that plugins or people made. */
  #isNew(netns: string): boolean {
    const table = this.files.read(netns, INTERFACE_TABLE);
    return table !== null && [...table.matchAll(/^\s*(\S+):/gm)].every(([, name]) => name === 'lo');
  }

  async #editGuard(changes: readonly NetfilterRequest[]): Promise<void> {
    if (changes.length > 0) await this.netlink.change(null, changes);
  }

  /** None when there is no table: the host network's reconciler writes it anew, with the elements of all pods. */
  async #guardElements(): Promise<readonly GuardElement[]> {
    try {
      return await listGuardElements(this.commands);
    } catch (thrown) {
      if (thrown instanceof CommandError && thrown.exitCode !== null) return [];
      throw thrown;
    }
  }
}

/** Program and arguments that run the command after them inside a namespace. */
function enter(netns: string): [program: string, ...args: string[]] {
  return ['nsenter', `--net=${netns}`];
}

/** Runs work inside a namespace. Throws CniError 3 when there is none at the path. */
async function inNamespace<T>(netns: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!isWithoutNamespace(thrown)) throw thrown;
    throw new CniError(CNI_CODES.unknownContainer, 'network namespace does not exist', netns, { cause: thrown });
  }
}

/** Waits for all, also when one fails, so that nothing of a failed attempt runs on. */
async function all(work: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** As programs in the namespace say, or requests. */
function isWithoutNamespace(thrown: unknown): boolean {
  if (thrown instanceof CommandError) return NO_NAMESPACE.test(thrown.stderr);
  return thrown instanceof HeddleError && thrown.code === 'NOT_FOUND';
}

function isRefusal(thrown: unknown, errno: number): boolean {
  return thrown instanceof NetlinkError && thrown.errno === errno;
}
