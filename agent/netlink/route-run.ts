/**
 * One run of requests to the kernel's network configuration (rtnetlink(7)). Many go in one write, which the kernel serves one
 * after another; the answers are read then.
 *
 * ```
 *  write 1: requests up to the first with an interface that is not looked up yet | look-ups of the interfaces of the rest
 *  write 2: the rest, with indexes for names
 * ```
 */
import { NetlinkError } from '../../common/errors.js';
import { netlinkRequest, numberAttribute, textAttribute, viewOf } from '../../common/host/netlink-message.js';
import type { NetlinkReply } from '../../common/host/netlink-message.js';
import type { KernelNumbers, NetlinkRequest } from '../../common/host/netlink-runner.js';
import { refusalOf } from './exchange.js';
import type { Exchange } from './exchange.js';
import type { OpenNamespaces } from './namespaces.js';

const RTM_GETLINK = 18;
const IFINFOMSG_BYTES = 16;
const IFLA_IFNAME = 3;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 8;
const ENODEV = 19;
/** Answers to so many requests fit a receive buffer of the default size, 208 KiB, of which an interface takes 4. */
const MAX_TOGETHER = 32;

export class RouteRun implements KernelNumbers {
  /** Index by name; 0 for an interface that does not exist. */
  readonly #indexes = new Map<string, number>();
  #failure: NetlinkError | null = null;

  constructor(
    readonly exchange: Exchange,
    readonly namespaces: OpenNamespaces,
  ) {}

  /** Makes all in order, also after a failed one. Rejects with NetlinkError for the first that is not optional. */
  async make(requests: readonly NetlinkRequest[], limit: AbortSignal): Promise<void> {
    for (let rest = requests; rest.length > 0 && !limit.aborted;) {
      const ready = rest.slice(0, this.#readyOf(rest));
      rest = rest.slice(ready.length);
      await this.#makeTogether(ready, this.#unknownOf(rest));
    }
    if (this.#failure !== null) throw this.#failure;
  }

  interfaceIndex(name: string): number {
    return this.#indexes.get(name) ?? 0;
  }

  namespaceDescriptor(path: string): number {
    return this.namespaces.descriptor(path);
  }

  #readyOf(requests: readonly NetlinkRequest[]): number {
    const end = requests.findIndex(({ interfaces = [] }) => interfaces.some((name) => !this.#indexes.has(name)));
    return Math.min(end < 0 ? requests.length : end, MAX_TOGETHER);
  }

  /** Bounded: a run is about a few interfaces. */
  #unknownOf(requests: readonly NetlinkRequest[]): string[] {
    const names = new Set(requests.flatMap(({ interfaces = [] }) => interfaces));
    return [...names].filter((name) => !this.#indexes.has(name));
  }

  async #makeTogether(requests: readonly NetlinkRequest[], names: readonly string[]): Promise<void> {
    const sent = requests.filter((request) => this.#missingOf(request) === undefined);
    const messages = [...sent.map((request) => request.compose(this)), ...names.map(lookUp)];
    const replies = await this.exchange.send(messages);
    for (const request of requests) {
      const place = sent.indexOf(request);
      if (place < 0) this.#failWithout(this.#missingOf(request) ?? '', request);
      else if (replies[place]?.errno !== 0) this.#fail(request, refusalOf(request.text, replies[place]));
    }
    names.forEach((name, i) => this.#indexes.set(name, indexOf(replies[sent.length + i])));
  }

  #missingOf({ interfaces = [] }: NetlinkRequest): string | undefined {
    return interfaces.find((name) => this.interfaceIndex(name) === 0);
  }

  #failWithout(name: string, request: NetlinkRequest): void {
    this.#fail(request, new NetlinkError(request.text, ENODEV, `cannot find interface ${name}`));
  }

  #fail({ optional = false }: NetlinkRequest, refusal: NetlinkError): void {
    if (!optional) this.#failure ??= refusal;
  }
}

function lookUp(name: string): Uint8Array {
  const attributes = [textAttribute(IFLA_IFNAME, name), numberAttribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)];
  return netlinkRequest(RTM_GETLINK, 0, new Uint8Array(IFINFOMSG_BYTES), attributes);
}

/** ifi_index of an answer with an interface. */
function indexOf(reply: NetlinkReply | undefined): number {
  return reply === undefined || reply.errno !== null ? 0 : viewOf(reply.body).getInt32(4, true);
}
