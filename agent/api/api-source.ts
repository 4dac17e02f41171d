/** Port between the API and the rest of the agent: the questions that the API asks, and the one change. No behaviour here. */
import type {
  Endpoint,
  Peer,
  PodPolicies,
  PolicyDecision,
  PolicyDrops,
  RevokedNode,
  Route,
  Status,
  Topology,
} from '../../common/api.js';

/** Network policies as they are enforced. Methods throw `RequestError` for what cannot be answered. */
export interface PolicySource {
  /** Whether the API server, or the disk, has told of them. Until then there are no answers. */
  readonly isKnown: boolean;
  /** Addresses, ports and verdicts in the table of the kernel. */
  readonly elements: number;
  drops(): PolicyDrops;
  ofLocalPods(): readonly PodPolicies[];
  /** @param key name of a pod, or namespace/name */
  ofPod(key: string): PodPolicies;
  /** @param question ends as above or by address; a port in digits, or "any" */
  decide(question: Readonly<Record<'from' | 'to' | 'protocol' | 'port', string>>): PolicyDecision;
}

/** Everything the API says. Answers are snapshots that the API neither keeps nor changes; none may hold a secret. */
export interface ApiSource {
  status(): Status;
  peers(): readonly Peer[];
  routes(): readonly Route[];
  endpoints(): readonly Endpoint[];
  topology(): Topology;
  /** Null without Kubernetes. */
  policies(): PolicySource | null;
  /** Whether all nodes that are asked for their links have reported lately. */
  topologyIsComplete(): boolean;
  /**
   * The operator decides that a node is no longer a member, or is one again. Throws `RequestError` for a node that cannot be meant.
   * @param key name, id or beginning of an id
   */
  decide(key: string, isRevoked: boolean): RevokedNode;
  /** Calls `listener` after anything that `status` or `topology` shows has changed; may be called at any rate. */
  onChange(listener: () => void): () => void;
  /**
   * Further counters that only rise, by name in lower snake case without prefix or `_total`
   * (`handshakes_started` is exported as `heddle_handshakes_started_total`).
   */
  counters(): Readonly<Record<string, number>>;
}
