/**
 * Forwarding tables of the router, computed from the agent's state, and the rule for pushing them. A push holds whole
 * tables; the router applies the difference.
 */
import { gatewayOf } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { macFromBytes } from '../../common/address/mac-address.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { ForwardingTables, LocalEndpoint, Route, RouterCommand } from '../../common/router-port.js';

export interface TablesInput {
  readonly clusterCidrs: readonly Cidr[];
  /** This node's own pod CIDRs. */
  readonly podCidrs: readonly Cidr[];
  /** Local pods. */
  readonly pods: readonly LocalEndpoint[];
  readonly routes: readonly { readonly cidr: Cidr; readonly owner: NodeId; readonly usable: boolean }[];
  readonly self: NodeId;
}

export type TablesContent = Omit<ForwardingTables, 'generation'>;

/** The bridge's MAC: locally administered, `0a:5a` and the first four bytes of the node's id, whatever its pod CIDRs are. */
export function bridgeMac(node: NodeId): MacAddress {
  return macFromBytes(Uint8Array.of(0x0a, 0x5a, ...Buffer.from(node.slice(0, 8), 'hex')));
}

/** Pure. Routes that cannot be used now are left out, so that frames along them are dropped and counted by name. */
export function computeTables(input: TablesInput): TablesContent {
  const mac = bridgeMac(input.self);
  const gateways = input.podCidrs.map((cidr) => ({ ip: gatewayOf(cidr), mac }));
  const routes: Route[] = input.routes
    .filter(({ owner, usable }) => usable && owner !== input.self)
    .map(({ cidr, owner }) => ({ cidr, peer: owner }));
  return {
    clusterCidrs: [...input.clusterCidrs],
    localCidrs: [...input.podCidrs],
    endpoints: [...gateways, ...input.pods],
    routes,
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
