/**
 * Pod CIDRs that this node serves: those of its settings, and withdrawn ones while pods have addresses from them. The
 * node claims a withdrawn CIDR for its pods until another node claims it; then the claim is given up for good.
 */
import { cidrsOverlap } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';

export interface PodCidrsDeps {
  /** Of the settings. */
  readonly assigned: () => readonly Cidr[];
  /** Taken from this node while pods have addresses from them. */
  readonly withdrawn: () => readonly Cidr[];
}

export class PodCidrs {
  /** Bounded by the withdrawn CIDRs: one that is withdrawn no longer is dropped. */
  readonly #givenUp = new Set<Cidr>();

  constructor(readonly deps: PodCidrsDeps) {}

  get assigned(): readonly Cidr[] {
    return this.deps.assigned();
  }

  get withdrawn(): readonly Cidr[] {
    return this.deps.withdrawn();
  }

  /** All that the node has gateways and pods for, assigned ones first. */
  get served(): readonly Cidr[] {
    return [...this.assigned, ...this.withdrawn];
  }

  /** What the advert claims. */
  get claimed(): readonly Cidr[] {
    return this.served.filter((cidr) => !this.#givenUp.has(cidr));
  }

  /** Gives up withdrawn CIDRs that others claim. True when {@link claimed} changed. */
  yieldTo(others: readonly Cidr[]): boolean {
    const before = this.claimed.join();
    for (const cidr of this.#givenUp) if (!this.withdrawn.includes(cidr)) this.#givenUp.delete(cidr);
    for (const cidr of this.withdrawn) if (others.some((other) => cidrsOverlap(other, cidr))) this.#givenUp.add(cidr);
    return this.claimed.join() !== before;
  }
}
