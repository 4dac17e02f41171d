/**
 * Forwarding tables of the router, computed from the agent's state, and the rule for pushing them. The first push after a hello
 * holds whole tables, the next ones what has changed. While the router has not taken a push, the next one waits and holds what
 * is newest then: tables never queue up before a router that is slow.
 */
import { gatewayOf } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { Route, RouterCommand } from '../../common/router-port.js';
import { GivenTables, isNone } from './given-tables.js';
import type { TablesContent } from './given-tables.js';

export interface TablesInput {
  /** This node's own pod CIDRs. */
  readonly podCidrs: readonly Cidr[];
  /** Addresses of local pods. */
  readonly pods: readonly IpAddress[];
  readonly routes: readonly { readonly cidr: Cidr; readonly owner: NodeId; readonly usable: boolean }[];
  readonly self: NodeId;
}

/** Pure. Routes that cannot be used now are left out, so that frames along them are dropped and counted by name. */
export function computeTables({ podCidrs, pods, routes, self }: TablesInput): TablesContent {
  return {
    localCidrs: [...podCidrs],
    localAddresses: [...podCidrs.map(gatewayOf), ...pods],
    routes: routes
      .filter(({ owner, usable }) => usable && owner !== self)
      .map(({ cidr, owner }): Route => ({ cidr, peer: owner })),
  };
}

export interface TablesPublisherOptions {
  readonly compute: () => TablesContent;
  /** Resolves to true once the kernel has taken the command for the router. */
  readonly send: (command: RouterCommand) => Promise<boolean>;
}

export class TablesPublisher {
  #generation = 0;
  /** By the last push; null before the first one to this router. */
  #given: GivenTables | null = null;
  #takesChanges = false;
  #delivered: Promise<boolean> = Promise.resolve(false);
  /** Generation of the push that the router has not taken yet, or null. */
  #sending: number | null = null;
  /** The push after it, if one is due. */
  #next: Promise<boolean> | null = null;

  constructor(readonly options: TablesPublisherOptions) {}

  /** Another router is there: the next push is due whatever it holds, and numbered above what this one applied. */
  routerConnected(appliedGeneration: number, takesChanges: boolean): void {
    this.#generation = Math.max(this.#generation, appliedGeneration);
    this.#takesChanges = takesChanges;
    this.#given = null;
    this.#sending = null;
  }

  /** The router was told to forget a peer: it drops the peer's routes too. */
  peerRemoved(peer: NodeId): void {
    this.#given?.peerRemoved(peer);
  }

  /** Pushes if anything changed. Resolves to whether the router has been given the present state. */
  publish(): Promise<boolean> {
    const content = this.options.compute();
    const difference = this.#given?.difference(content) ?? null;
    if (difference !== null && isNone(difference)) return this.#delivered;
    if (this.#sending !== null) return (this.#next ??= this.#publishNext(this.#delivered));
    const base = this.#generation;
    const generation = ++this.#generation;
    this.#sending = generation;
    if (this.#given !== null && difference !== null && this.#takesChanges) {
      this.#given.apply(difference);
      this.#delivered = this.#send({ type: 'tablesChange', change: { base, generation, ...difference } }, generation);
    } else {
      this.#given = new GivenTables(content);
      this.#delivered = this.#send({ type: 'tables', tables: { generation, ...content } }, generation);
    }
    return this.#delivered;
  }

  async #publishNext(before: Promise<boolean>): Promise<boolean> {
    await before;
    this.#next = null;
    return this.publish();
  }

  async #send(command: RouterCommand, generation: number): Promise<boolean> {
    const isDelivered = await this.options.send(command);
    if (this.#sending === generation) this.#sending = null;
    return isDelivered;
  }
}
