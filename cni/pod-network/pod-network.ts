/**
 * Kernel side of an attachment ({@link PodNetwork}): one veth pair per pod interface, one end in the pod's namespace, the
 * other an isolated port of the bridge. Runs the commands of `veth-commands.ts` and tells "does not exist" from other
 * failures. A namespace may be any path (`/run/netns/x`, `/proc/PID/ns/net`), so it is entered with nsenter.
 */
import { JoinedCalls } from '../../common/joined-calls.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CommandError } from '../../common/errors.js';
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
  SourceRule,
} from '../deps.js';
import { elementsOf, strayElements } from './host-side.js';
import { runIpBatch, runIpBatches } from '../../common/host/ip-batch.js';
import type { BatchLine } from '../../common/host/ip-batch.js';
import { asOneInput } from './joined-input.js';
import { podInterfaceOf, podRoutesOf } from './pod-inspection.js';
import { addElementLines, listGuardElements, removeElementLines } from './source-guard.js';
import {
  forwardingEntry,
  hostLines,
  ipv6Switches,
  pairLines,
  podLines,
  partLines,
  reroutingLines,
  ruleText,
  sourceRulesOf,
} from './veth-commands.js';
import type { Ipv6Switch } from './veth-commands.js';

/** Error texts of `ip` and `nsenter` for a namespace that does not exist, or a file that is not one. */
const NO_NAMESPACE =
  /Invalid "netns" value|cannot open .*No such file|reassociate to namespace .* failed: Invalid argument/;
/** Pods that one process works on: the start of a program takes longer than what it does for a pod. */
const MAX_TOGETHER = 8;
const NO_INTERFACE = /does not exist|Cannot find device/;
const EXISTS = /File exists/;
/** A line per interface behind two of headings (proc(5)). */
const INTERFACE_TABLE = '/proc/thread-self/net/dev';
const NO_FILES: NamespaceFiles = { read: () => null, write: () => false };
const IPV6_DISABLED = /IPv6 is disabled/;

export class VethPodNetwork implements PodNetwork {
  readonly #hostBatches: JoinedCalls<readonly BatchLine[]>;
  readonly #forwardingEntries: JoinedCalls<readonly string[]>;
  readonly #guardEdits: JoinedCalls<readonly string[]>;
  readonly #trackingEdits: JoinedCalls<readonly string[]>;

  /** @param files without them programs read and write */
  constructor(
    readonly commands: CommandRunner,
    readonly files: NamespaceFiles = NO_FILES,
  ) {
    const program = (name: string, ...args: readonly string[]) =>
      new JoinedCalls(
        asOneInput((input) => commands.run(name, args, input)),
        MAX_TOGETHER,
      );
    this.#hostBatches = new JoinedCalls((batches) => runIpBatches(commands, batches), MAX_TOGETHER);
    this.#forwardingEntries = program('bridge', '-batch', '-');
    this.#guardEdits = program('nft', '-f', '-');
    this.#trackingEdits = program('conntrack', '-R', '-');
  }

  /** The guard names interfaces, also those that are not made yet. */
  async attach(plan: AttachmentPlan): Promise<void> {
    await inNamespace(plan.netns, async () => {
      await all([this.#makePair(plan), this.#editGuard(addElementLines(elementsOf(plan)))]);
      await all([this.#bindMac(plan), this.#configurePod(plan)]);
    });
  }

  async detach(hostInterface: string): Promise<void> {
    try {
      await this.commands.run('ip', ['link', 'del', 'dev', hostInterface]);
    } catch (thrown) {
      if (!isFailure(thrown, NO_INTERFACE)) throw thrown;
    }
  }

  async removeElements(elements: readonly GuardElement[]): Promise<void> {
    await this.#editGuard(removeElementLines(elements));
  }

  async interfacesIn(netns: string): Promise<readonly PodInterface[] | null> {
    try {
      return (await listInterfaces(this.commands, ['addr', 'show'], enter(netns))).map(podInterfaceOf);
    } catch (thrown) {
      if (isFailure(thrown, NO_NAMESPACE)) return null;
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
    const lines = partLines(ifname, parts);
    if (lines.length > 0) await runIpBatch(this.commands, lines, enter(netns));
    await this.#editRules(netns, parts.rules, (rule) => ({ text: ruleText('add', rule) }));
  }

  async removeRules(netns: string, table: number, ips: readonly IpAddress[]): Promise<void> {
    const rules = ips.map((source) => ({ source, table }));
    const lineOf = (rule: SourceRule) => ({ text: ruleText('del', rule), optional: true });
    await inNamespace(netns, () => this.#editRules(netns, rules, lineOf));
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
    await this.#makePort(hostLines(wanted), wanted);
    const stray = strayElements(wanted, found.elements);
    await all([
      this.#bindMac(wanted),
      this.#editGuard([...removeElementLines(stray), ...addElementLines(elementsOf(wanted))]),
    ]);
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
    await runIpBatch(this.commands, reroutingLines(owner, ifname, addresses, stale), enter(netns));
  }

  async setPodMtu(netns: string, ifname: string, mtuBytes: number): Promise<void> {
    const [program, ...args] = enter(netns);
    const change = ['ip', 'link', 'set', 'dev', ifname, 'mtu', String(mtuBytes)];
    await inNamespace(netns, () => this.commands.run(program, [...args, ...change]));
  }

  async setHostMtu(hostInterface: string, mtuBytes: number): Promise<void> {
    await this.commands.run('ip', ['link', 'set', 'dev', hostInterface, 'mtu', String(mtuBytes)]);
  }

  /** As the pod sends, as others send to it, and as a Service address that leads to it. */
  async forgetConnections(addresses: readonly IpAddress[]): Promise<void> {
    const lines = addresses.flatMap((ip) => ['-s', '-d', '-r'].map((side) => `-D -f ipv${ipFamily(ip)} ${side} ${ip}`));
    await this.#trackingEdits.run(lines);
  }

  /** An existing interface of this name was left by a crash during ADD of the same attachment; it is replaced. */
  async #makePair(plan: AttachmentPlan): Promise<void> {
    const lines = [...pairLines(plan), ...hostLines(plan)];
    try {
      await this.#makePort(lines, plan);
    } catch (thrown) {
      if (!isFailure(thrown, EXISTS)) throw thrown;
      await this.detach(plan.hostInterface);
      await this.#makePort(lines, plan);
    }
  }

  /** On a host that switches IPv6 off for new interfaces it is switched on for this one. */
  async #makePort(lines: readonly BatchLine[], side: HostSide): Promise<void> {
    try {
      await this.#hostBatches.run(lines);
    } catch (thrown) {
      if (!isFailure(thrown, IPV6_DISABLED)) throw thrown;
      await this.commands.run('tee', [`/proc/sys/net/ipv6/conf/${side.hostInterface}/disable_ipv6`], '0');
      await this.#hostBatches.run(hostLines(side));
    }
  }

  #bindMac({ hostInterface, mac }: HostSide): Promise<void> {
    return this.#forwardingEntries.run([forwardingEntry(hostInterface, mac)]);
  }

  async #configurePod(plan: AttachmentPlan): Promise<void> {
    const [program, ...args] = enter(plan.netns);
    if (plan.addresses.some((address) => ipFamily(address.ip) === 6)) {
      const left = ipv6Switches(plan.owner.ifname).filter((one) => !this.#switchOff(plan.netns, one));
      if (left.length > 0) await this.commands.run(program, [...args, 'tee', ...left.map(({ path }) => path)], '0');
    }
    await runIpBatch(this.commands, podLines(plan), enter(plan.netns));
    await this.#editRules(plan.netns, sourceRulesOf(plan.routes), (rule) => ({ text: ruleText('add', rule) }));
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

  /** Family by family: `ip` has to be told which. */
  async #editRules(
    netns: string,
    rules: readonly SourceRule[],
    lineOf: (rule: SourceRule) => BatchLine,
  ): Promise<void> {
    for (const family of IP_FAMILIES) {
      const lines = rules.filter(({ source }) => ipFamily(source) === family).map(lineOf);
      if (lines.length > 0) await runIpBatch(this.commands, lines, enter(netns), family);
    }
  }

  async #editGuard(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#guardEdits.run(lines);
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
    if (!isFailure(thrown, NO_NAMESPACE)) throw thrown;
    throw new CniError(CNI_CODES.unknownContainer, 'network namespace does not exist', netns, { cause: thrown });
  }
}

/** Waits for all, also when one fails, so that nothing of a failed attempt runs on. */
async function all(work: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

function isFailure(thrown: unknown, pattern: RegExp): boolean {
  return thrown instanceof CommandError && pattern.test(thrown.stderr);
}
