/**
 * Forwarding tables of the router, computed from the agent's state, and the rule for pushing them. A push holds whole
 * tables; the router applies the difference.
 */
import { gatewayOf } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { ForwardingTables, Route, RouterCommand } from '../../common/router-port.js';

export interface TablesInput {
  /** This node's own pod CIDRs. */
  readonly podCidrs: readonly Cidr[];
  /** Addresses of local pods. */
  readonly pods: readonly IpAddress[];
  readonly routes: readonly { readonly cidr: Cidr; readonly owner: NodeId; readonly usable: boolean }[];
  readonly self: NodeId;
}

export type TablesContent = Omit<ForwardingTables, 'generation'>;

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
  #content: string | null = null;
  #delivered: Promise<boolean> = Promise.resolve(false);

  constructor(readonly options: TablesPublisherOptions) {}

  /** Another router is there: the next push is due whatever it holds, and numbered above what this one applied. */
  routerConnected(appliedGeneration: number): void {
    this.#generation = Math.max(this.#generation, appliedGeneration);
    this.#content = null;
  }

  /** Pushes if anything changed. Resolves to whether the router has been given the present state. */
  publish(): Promise<boolean> {
    const content = this.options.compute();
    const fingerprint = JSON.stringify(content);
    if (fingerprint === this.#content) return this.#delivered;
    this.#content = fingerprint;
    this.#generation++;
    this.#delivered = this.options.send({ type: 'tables', tables: { generation: this.#generation, ...content } });
    return this.#delivered;
  }
}
