/**
 * Trust in the nodes of a list (`agent/settings/trusted-keys.ts`). The list is among the settings, so it is followed when its file
 * changes: a node that is no longer in it is cut off with the reading after that.
 */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { Logger } from '../../common/log.js';
import type { NodeId } from '../../common/node-id.js';
import type { NodeSettings } from '../settings/node-settings.js';
import type { TrustedKey } from '../settings/trusted-keys.js';
import type { NamedNode, NodeAuthority, TrustAnswer, TrustSource } from './trust-source.js';

/** Of a node without pod CIDRs in its line. */
const EVERY_CIDR: readonly Cidr[] = ['0.0.0.0/0', '::/0'].map(parseCidr);

export interface ListedKeysDeps {
  readonly self: NodeId;
  /** Where there is one, it is asked too: it learns the pod CIDRs of the node, which become cluster CIDRs. */
  readonly kubernetes: NodeAuthority | null;
  readonly log: Logger;
}

export class ListedKeys implements TrustSource {
  readonly isRequired = true;
  readonly watch = null;
  /** Bounded by the lines of the file. */
  #named: ReadonlyMap<NodeId, NamedNode> = new Map();

  constructor(
    readonly deps: ListedKeysDeps,
    settings: NodeSettings,
  ) {
    this.useSettings(settings);
  }

  get remembered(): readonly NamedNode[] {
    return [...this.#named.values()];
  }

  readonly ask: TrustSource['ask'] = (node, name, publicKey) => {
    const named = this.#named.get(node);
    if (named?.name !== name) return Promise.resolve(null);
    void this.deps.kubernetes?.ask(node, name, publicKey);
    return Promise.resolve(named.podCidrs);
  };

  useSettings({ trustedKeys, nodeName }: NodeSettings): readonly TrustAnswer[] {
    const before = this.#named;
    this.#named = new Map(trustedKeys.map((key) => [key.node, namedNode(key)]));
    const gone = [...before.values()].filter(({ node }) => !this.#named.has(node));
    const fresh = [...this.#named.values()].filter((named) => !isSame(named, before.get(named.node)));
    if (gone.length + fresh.length > 0) this.#lookForSelf(nodeName);
    return [...gone.map(({ node, name }) => ({ node, name, podCidrs: null })), ...fresh];
  }

  #lookForSelf(nodeName: string): void {
    if (this.#named.get(this.deps.self)?.name === nodeName) return;
    const message =
      'this node is not in its own list of keys under its name; "meshctl key" prints the line for the lists';
    this.deps.log.warn({ name: nodeName, node: this.deps.self }, message);
  }
}

function namedNode({ node, name, podCidrs }: TrustedKey): NamedNode {
  return { node, name, podCidrs: podCidrs.length > 0 ? podCidrs : EVERY_CIDR };
}

function isSame(a: NamedNode, b: NamedNode | undefined): boolean {
  return a.name === b?.name && a.podCidrs.join() === b.podCidrs.join();
}
