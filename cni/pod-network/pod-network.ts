/**
 * Kernel side of an attachment ({@link PodNetwork}): one veth pair per pod interface, one end in the pod's namespace, the
 * other a port of the bridge. Runs the commands of `veth-commands.ts` and tells "does not exist" from other failures. A
 * namespace may be any path (`/run/netns/x`, `/proc/PID/ns/net`), so it is entered with nsenter.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { CommandError } from '../../common/errors.js';
import { listInterfaces, listRoutes } from '../../common/host/ip-output.js';
import { ipFamily } from '../../common/address/ip-address.js';
import { HOST_INTERFACE_PREFIX } from '../attachment.js';
import type { AttachmentPlan } from '../attachment.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import { runIpBatch } from './ip-batch.js';
import { podInterfaceOf, podRouteOf } from './pod-inspection.js';
import type { HostInterface, PodInterface, PodRouteFound } from '../deps.js';
import type { PodNetwork } from '../deps.js';
import { ipv6Switches, pairLines, podLines, bridgePortLines, forwardingEntryArgs } from './veth-commands.js';

/** Error texts of `ip` and `nsenter` for a namespace that does not exist, or a file that is not one. */
const NO_NAMESPACE =
  /Invalid "netns" value|cannot open .*No such file|reassociate to namespace .* failed: Invalid argument/;
const NO_INTERFACE = /does not exist|Cannot find device/;
const EXISTS = /File exists/;

export class VethPodNetwork implements PodNetwork {
  constructor(readonly commands: CommandRunner) {}

  async attach(plan: AttachmentPlan): Promise<void> {
    try {
      await this.#makePair(plan);
      await both(
        this.commands.run('bridge', forwardingEntryArgs(plan.hostInterface, plan.mac)),
        this.#configurePod(plan),
      );
    } catch (thrown) {
      if (!isFailure(thrown, NO_NAMESPACE)) throw thrown;
      throw new CniError(CNI_CODES.unknownContainer, 'network namespace does not exist', plan.netns, {
        cause: thrown,
      });
    }
  }

  async detach(hostInterface: string): Promise<void> {
    try {
      await this.commands.run('ip', ['link', 'del', 'dev', hostInterface]);
    } catch (thrown) {
      if (!isFailure(thrown, NO_INTERFACE)) throw thrown;
    }
  }

  async inspect(netns: string, ifname: string): Promise<PodInterface | null> {
    try {
      const [found] = await listInterfaces(this.commands, ['addr', 'show', 'dev', ifname], enter(netns));
      return found === undefined ? null : podInterfaceOf(found);
    } catch (thrown) {
      if (isFailure(thrown, NO_NAMESPACE) || isFailure(thrown, NO_INTERFACE)) return null;
      throw thrown;
    }
  }

  async routes(netns: string, ifname: string): Promise<readonly PodRouteFound[]> {
    const list = async (family: 4 | 6) => {
      const routes = await listRoutes(this.commands, [`-${family}`, 'route', 'show', 'dev', ifname], enter(netns));
      return routes.map((route) => podRouteOf(route, family));
    };
    return [...(await list(4)), ...(await list(6))];
  }

  async hostInterfaces(): Promise<ReadonlyMap<string, HostInterface>> {
    const veths = await listInterfaces(this.commands, ['-details', 'link', 'show', 'type', 'veth']);
    return new Map(veths.filter(({ name }) => name.startsWith(HOST_INTERFACE_PREFIX)).map((veth) => [veth.name, veth]));
  }

  async repairHostInterface(hostInterface: string, bridge: string, mac: string): Promise<void> {
    await runIpBatch(this.commands, bridgePortLines(hostInterface, bridge));
    await this.commands.run('bridge', forwardingEntryArgs(hostInterface, mac));
  }

  /** An existing interface of this name was left by a crash during ADD of the same attachment; it is replaced. */
  async #makePair(plan: AttachmentPlan): Promise<void> {
    try {
      await runIpBatch(this.commands, pairLines(plan));
    } catch (thrown) {
      if (!isFailure(thrown, EXISTS)) throw thrown;
      await this.detach(plan.hostInterface);
      await runIpBatch(this.commands, pairLines(plan));
    }
  }

  async #configurePod(plan: AttachmentPlan): Promise<void> {
    const [program, ...args] = enter(plan.netns);
    if (plan.addresses.some((address) => ipFamily(address.ip) === 6)) {
      await this.commands.run(program, [...args, 'tee', ...ipv6Switches(plan.owner.ifname)], '0');
    }
    await runIpBatch(this.commands, podLines(plan), enter(plan.netns));
  }
}

/** Program and arguments that run the command after them inside a namespace. */
function enter(netns: string): [program: string, ...args: string[]] {
  return ['nsenter', `--net=${netns}`];
}

/** Waits for both, also when one fails, so that nothing of a failed attempt runs on. */
async function both(first: Promise<unknown>, second: Promise<unknown>): Promise<void> {
  for (const outcome of await Promise.allSettled([first, second])) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

function isFailure(thrown: unknown, pattern: RegExp): boolean {
  return thrown instanceof CommandError && pattern.test(thrown.stderr);
}
