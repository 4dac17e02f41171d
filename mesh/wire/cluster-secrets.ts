/**
 * Cluster secrets that this node has, oldest first: one, or during a rotation two (ADR 0034). Handshakes are accepted under each
 * of them, and initiated under one that the peer has by its advert.
 */
import { assert } from '../../common/errors.js';
import { hasValidMac } from '../../common/wire/handshake-datagram.js';
import { ClusterKeys } from './cluster-keys.js';

export const MAX_CLUSTER_SECRETS = 2;

export class ClusterSecrets {
  #all: readonly ClusterKeys[];

  /** @param secrets of 32 bytes each, oldest first */
  constructor(secrets: readonly Uint8Array[]) {
    this.#all = keysOf(secrets);
  }

  /** From now on these count. @returns which of those before stay: all of them, some or none */
  replace(secrets: readonly Uint8Array[]): 'all' | 'some' | 'none' {
    const before = this.#all;
    this.#all = keysOf(secrets);
    const staying = before.filter(({ id }) => this.ids.includes(id)).length;
    if (staying === 0) return 'none';
    return staying === before.length ? 'all' : 'some';
  }

  /** Every node has it until a rotation ends. */
  get oldest(): ClusterKeys {
    return this.#all[0]!;
  }

  get ids(): readonly string[] {
    return this.#all.map(({ id }) => id);
  }

  /** The keys under which a handshake datagram has a good MAC, or null. For bytes that `readHandshake` accepted. */
  authenticating(bytes: Uint8Array): ClusterKeys | null {
    return this.find((keys) => hasValidMac(bytes, keys));
  }

  find(matches: (keys: ClusterKeys) => boolean): ClusterKeys | null {
    return this.#all.find(matches) ?? null;
  }

  /**
   * The keys for an initiation: the newest that the peer has first, then the others, since what is known of it may be old.
   * @param peerIds what the peer has by its advert; null where that is unknown
   * @param turn counts the handshakes that got no response
   */
  forInitiation(peerIds: readonly string[] | null, turn: number): ClusterKeys {
    const isCommon = ({ id }: ClusterKeys): boolean => peerIds?.includes(id) === true;
    const common = this.#all.filter(isCommon).reverse();
    const order = [...common, ...this.#all.filter((keys) => !isCommon(keys))];
    return order[turn % order.length]!;
  }

  toJSON(): string {
    return 'ClusterSecrets';
  }
}

function keysOf(secrets: readonly Uint8Array[]): ClusterKeys[] {
  assert(secrets.length > 0 && secrets.length <= MAX_CLUSTER_SECRETS, 'a node has one cluster secret or two');
  return secrets.map((secret) => new ClusterKeys(secret));
}
