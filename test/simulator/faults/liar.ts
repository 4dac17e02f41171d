/**
 * Member that lies: a node with the cluster secret that joins as any other does, and besides says what the protocol does not let a
 * node say. Its processor is without bounds: what it costs to lie is of no account.
 */
import { encodeControl } from '../../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../../mesh/wire/control-message.js';
import { signAdvert } from '../../../mesh/wire/advert.js';
import type { AdvertStamp } from '../../../mesh/wire/advert.js';
import type { SelfDescription } from '../../../mesh/mesh-io.js';
import type { SeededRandom } from '../../../mesh/testing/seeded-random.js';
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import type { SimCluster } from '../sim-cluster.js';

/** Of an identity that says it was there before all others. */
export const FORGED_STAMP: AdvertStamp = { createdAtMs: 1, revision: 1, incarnation: 1, lowestStamp: 0 };

export class Liar {
  readonly node: SimNode;
  readonly random: SeededRandom;
  /** The nodes that are lied to. */
  readonly honest: readonly SimNode[];
  readonly #cluster: SimCluster;

  constructor(cluster: SimCluster, random: SeededRandom) {
    this.honest = cluster.honest();
    this.node = cluster.addLiar();
    this.random = random;
    this.#cluster = cluster;
  }

  get nowMs(): number {
    return this.#cluster.network.nowMs;
  }

  pickOne(): SimNode {
    return this.honest[Math.floor(this.random.fraction() * this.honest.length)]!;
  }

  start(): void {
    this.node.start(this.#cluster.seeds);
  }

  /** Before the start: it claims these CIDRs, and to be older than all. */
  claim(cidrs: readonly SelfDescription['podCidrs'][number][]): void {
    this.node.podCidrs.splice(0, this.node.podCidrs.length, ...cidrs);
    this.node.cachedAdverts = [this.advert(FORGED_STAMP)];
  }

  /** An advert of its own, as good as any, with this stamp. */
  advert(stamp: AdvertStamp): Uint8Array {
    return signAdvert(this.node.identity, this.node.self, stamp).bytes;
  }

  /** It has links to all, also to those that need none. */
  linkToAll(): void {
    for (const { id } of this.honest) {
      if (this.node.router?.isActive(id) !== true) this.node.handle({ type: 'sessionWanted', peer: id });
    }
  }

  tellAll(message: ControlMessage): void {
    const bytes = encodeControl(message);
    for (const node of this.honest) this.tell(node, bytes);
  }

  /** Sends bytes as a control message in the session with the node. */
  tell({ id }: SimNode, bytes: Uint8Array): void {
    this.node.router?.apply({ type: 'sendControl', peer: id, bytes }, this.nowMs);
  }

  /** Sends a handshake datagram to the node. */
  send({ address }: SimNode, bytes: Uint8Array): void {
    this.node.router?.apply({ type: 'sendDatagram', to: address, bytes }, this.nowMs);
  }
}
