/**
 * From what the agent knows to what the router needs: the forwarding tables, and when to push them. Whole tables every
 * time; the router applies the difference.
 */
import { cidrFamily, gatewayOf } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { computedMac } from '../../common/address/mac-address.js';
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

/** The bridge's MAC: that of the node's IPv4 gateway, or of its IPv6 gateway on a node without IPv4. */
export function bridgeMac(podCidrs: readonly Cidr[]): MacAddress | null {
  const cidr = podCidrs.find((candidate) => cidrFamily(candidate) === 4) ?? podCidrs[0];
  return cidr === undefined ? null : computedMac(gatewayOf(cidr));
}

/** Pure. Routes that cannot be used now are left out, so that frames along them are dropped and counted by name. */
export function computeTables(input: TablesInput): TablesContent {
  const mac = bridgeMac(input.podCidrs);
  const gateways = mac === null ? [] : input.podCidrs.map((cidr) => ({ ip: gatewayOf(cidr), mac }));
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
