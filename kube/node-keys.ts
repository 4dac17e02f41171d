/**
 * Keys of nodes by their Node objects: each node publishes its own in an annotation (`node-report.ts`), and others compare.
 * One question is one GET of one Node. What was said is on disk, so that nodes link while the API server is away.
 */
import type { Cidr } from '../common/address/cidr.js';
import { CoalescedTask } from '../common/coalesced-task.js';
import { DecodeError, KubernetesError, messageOf } from '../common/errors.js';
import type { NodeId } from '../common/node-id.js';
import type { NoticeLog } from '../common/notice-log.js';
import { MAX_PEERS } from '../common/protocol.js';
import type { DurableFile } from '../common/storage/durable-file.js';
import { nodePath, STATUS } from './api-server.js';
import type { ApiServer } from './api-server.js';
import { KeyWatch } from './key-watch.js';
import type { KeyWatchHandlers, NodeChange } from './key-watch.js';
import { encodedKey, parseNodeObject } from './node-object.js';
import type { NamedNode } from './node-keys-record.js';

/** Requests under way: at a cold start each node asks about all others. */
const MAX_AT_ONCE = 4;

export interface NodeKeysDeps {
  readonly api: ApiServer;
  readonly remembered: readonly NamedNode[];
  readonly record: DurableFile<readonly NamedNode[]>;
  readonly notices: NoticeLog;
  /** Starts a watch of the metadata of all nodes. */
  readonly watchNodes: (handlers: KeyWatchHandlers) => { stop(): Promise<void> };
  /** Nodes of the cluster have these. */
  readonly onPodCidrs: (podCidrs: readonly Cidr[]) => void;
}

export class NodeKeys {
  /** By node id; bounded by {@link MAX_PEERS}, the oldest is dropped. */
  readonly #named = new Map<NodeId, NamedNode>();
  /** Nodes asked about. Bounded by the members of the mesh, which asks once about each. */
  readonly #asking = new Set<NodeId>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;
  readonly #saving = new CoalescedTask(() => this.#save());

  constructor(readonly deps: NodeKeysDeps) {
    for (const named of deps.remembered) this.#named.set(named.node, named);
    deps.onPodCidrs(deps.remembered.flatMap(({ podCidrs }) => podCidrs));
  }

  get remembered(): readonly NamedNode[] {
    return this.deps.remembered;
  }

  /** Pod CIDRs of the Node of this name; null when there is none, or it names another key; undefined without an answer. */
  async ask(node: NodeId, name: string, publicKey: Uint8Array): Promise<readonly Cidr[] | null | undefined> {
    if (this.#asking.has(node)) return undefined;
    this.#asking.add(node);
    await this.#turn();
    try {
      const podCidrs = await this.#get(name, publicKey);
      this.#remember(node, name, podCidrs);
      if (podCidrs !== null) this.deps.onPodCidrs(podCidrs);
      return podCidrs;
    } catch (thrown) {
      if (!(thrown instanceof KubernetesError || thrown instanceof DecodeError)) throw thrown;
      const fields = { name, problem: messageOf(thrown) };
      this.deps.notices.write('warn', 'the key of a node cannot be compared with its Node object', fields);
      return undefined;
    } finally {
      this.#asking.delete(node);
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }

  /** Tells of nodes that are gone or whose key is new from now on, or since they were asked about. */
  watch(onChange: (change: NodeChange) => void): () => void {
    const watch = this.deps.watchNodes(new KeyWatch(this.#named.values(), onChange).handlers);
    return () => void watch.stop();
  }

  async #turn(): Promise<void> {
    if (this.#underWay >= MAX_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay++;
  }

  async #get(name: string, publicKey: Uint8Array): Promise<readonly Cidr[] | null> {
    try {
      const node = parseNodeObject(await this.deps.api.get(nodePath(name)));
      return node.nodeKey === encodedKey(publicKey) ? node.podCidrs : null;
    } catch (thrown) {
      if (thrown instanceof KubernetesError && thrown.status === STATUS.notFound) return null;
      throw thrown;
    }
  }

  #remember(node: NodeId, name: string, podCidrs: readonly Cidr[] | null): void {
    const before = JSON.stringify(this.#named.get(node)?.podCidrs ?? null);
    if (before === JSON.stringify(podCidrs) && this.#named.get(node)?.name === name) return;
    this.#named.delete(node);
    if (podCidrs !== null) this.#named.set(node, { node, name, podCidrs: [...podCidrs] });
    for (const oldest of this.#named.keys()) if (this.#named.size > MAX_PEERS) this.#named.delete(oldest);
    void this.#saving.run();
  }

  /** Without it a node that starts while the API server is away has no links. */
  async #save(): Promise<void> {
    try {
      await this.deps.record.write([...this.#named.values()]);
    } catch (thrown) {
      this.deps.notices.write('warn', 'the keys of other nodes are not on disk', { error: messageOf(thrown) });
    }
  }
}
