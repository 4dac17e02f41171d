/**
 * Pods, namespaces and policies of the cluster, as the API server tells of them, passed to the compiler. The last state is on disk
 * and used at the start, so that policies are in force while the API server is away. An object that cannot be read leaves the one
 * before in force and is named in the log.
 */
import type { Clock } from '../../common/clock.js';
import { CoalescedTask } from '../../common/coalesced-task.js';
import { DecodeError, messageOf } from '../../common/errors.js';
import type { NoticeLog } from '../../common/notice-log.js';
import type { DurableCodec, DurableFile } from '../../common/storage/durable-file.js';
import { keyOf } from './object-key.js';
import { ObjectVersions } from './object-versions.js';
import {
  parseClusterPolicy,
  parseNamespace,
  parseNetworkPolicy,
  parsePod,
  podObject,
  UNREAD_CLUSTER_POLICIES,
} from '../../policy/index.js';
import type { Cluster, PolicyCompiler } from '../../policy/index.js';

/** Newest version first. */
const CLUSTER_POLICIES = ['v1beta1', 'v1alpha2'].map(
  (version) => `/apis/policy.networking.k8s.io/${version}/clusternetworkpolicies`,
) as [string, ...string[]];

/** Of the role in our manifest. */
const GIVE_RIGHT = `kubectl patch clusterrole heddle --type=json -p '${JSON.stringify([
  {
    op: 'add',
    path: '/rules/-',
    value: {
      apiGroups: ['policy.networking.k8s.io'],
      resources: ['clusternetworkpolicies'],
      verbs: ['list', 'watch'],
    },
  },
])}'`;
const DENIED_MEANWHILE = 'until they are, pods have what their NetworkPolicies allow, and nothing else';

/** Between two writes to disk: a change that is lost is told again by the API server. */
const SAVE_AFTER_MS = 30_000;

export interface ObjectHandlers {
  readonly onList: (objects: readonly unknown[]) => void;
  readonly onPut: (object: unknown) => void;
  readonly onDelete: (object: unknown) => void;
  /** The objects are there, and the right to read them is missing. Only of a kind with other paths. */
  readonly onForbidden: (problem: string) => void;
}

/**
 * Starts a watch of all objects under a path. Supplied by `kube/`. With other paths, each is tried where the server does not
 * have the one before; where it has none, the list is empty.
 */
export type WatchObjects = (path: string, handlers: ObjectHandlers, otherPaths?: readonly string[]) => ObjectWatch;

export interface ObjectWatch {
  /**
   * The objects of a namespace as the server has them at this moment, which the watch may tell of later; null: of a kind without
   * namespaces. Empty where the server does not have the kind. Rejects with HeddleError.
   */
  listIn(namespace: string | null): Promise<readonly unknown[]>;
  stop(): Promise<void>;
}

export interface ClusterRecord {
  readonly pods: readonly unknown[];
  readonly namespaces: readonly unknown[];
  readonly policies: readonly unknown[];
  /** Null: there were some that could not be read. */
  readonly clusterPolicies: readonly unknown[] | null;
}

export interface ClusterObjectsDeps {
  readonly compiler: PolicyCompiler;
  readonly watch: WatchObjects;
  readonly record: DurableFile<ClusterRecord>;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  /** All kinds are known, from the API server or from disk. */
  readonly onKnown: () => void;
  readonly onChanged: () => void;
}

/** One kind of object: where it is, and what to do with one. */
interface Kind {
  readonly path: string;
  /** Of a kind that is listed beside its watch. */
  readonly versions?: ObjectVersions;
  /** Of other versions; with these the kind is one that the API server need not have. */
  readonly otherPaths?: readonly string[];
  /** Throws DecodeError. */
  readonly put: (object: unknown) => void;
  readonly remove: (namespace: string, name: string) => void;
  /** Those that the compiler has. */
  readonly present: () => Iterable<{ readonly namespace?: string; readonly name: string }>;
}

export const CLUSTER_RECORD: DurableCodec<ClusterRecord> = {
  kind: 'heddle-policies/1',
  encode: (record) => record,
  decode(body) {
    // Records of before there were cluster-wide policies have none.
    const { pods, namespaces, policies, clusterPolicies = [] } = body as Partial<Record<keyof ClusterRecord, unknown>>;
    if (
      !Array.isArray(pods) ||
      !Array.isArray(namespaces) ||
      !Array.isArray(policies) ||
      !(Array.isArray(clusterPolicies) || clusterPolicies === null)
    ) {
      throw new DecodeError('record of policies: expected pods, namespaces and policies');
    }
    return { pods, namespaces, policies, clusterPolicies };
  },
};

export class ClusterObjects {
  readonly #kinds: Readonly<Record<keyof ClusterRecord, Kind>>;
  readonly #listed = new Set<Kind>();
  readonly #saving = new CoalescedTask(() => this.#save());
  #isKnown = false;
  #forbidden = '';
  #watches: ReadonlyMap<Kind, ObjectWatch> = new Map();
  /** By namespace. Bounded by the ADDs that run. */
  readonly #refreshing = new Map<string, CoalescedTask>();
  #cancelSave: (() => void) | null = null;

  constructor(readonly deps: ClusterObjectsDeps) {
    const { compiler } = deps;
    const { cluster } = compiler;
    this.#kinds = {
      namespaces: {
        path: '/api/v1/namespaces',
        put: (object) => compiler.putNamespace(parseNamespace(object)),
        remove: (_, name) => compiler.removeNamespace(name),
        present: () => cluster.namespaces(),
      },
      pods: {
        path: '/api/v1/pods',
        put: (object) => compiler.putPod(parsePod(object)),
        remove: (namespace, name) => compiler.removePod(namespace, name),
        present: () => cluster.pods(),
      },
      policies: {
        path: '/apis/networking.k8s.io/v1/networkpolicies',
        versions: new ObjectVersions(),
        put: (object) => this.#putPolicy(object),
        remove: (namespace, name) => compiler.removePolicy(namespace, name),
        present: () => cluster.policies(),
      },
      clusterPolicies: {
        path: CLUSTER_POLICIES[0],
        versions: new ObjectVersions(),
        otherPaths: CLUSTER_POLICIES.slice(1),
        put: (object) => this.#putClusterPolicy(object),
        remove: (_, name) => compiler.removeClusterPolicy(name),
        present: () => cluster.clusterPolicies(),
      },
    };
  }

  /** Why cluster-wide policies cannot be read, and what to do; or ''. */
  get forbidden(): string {
    return this.#forbidden;
  }

  /** Resolves when what is on disk is in the compiler. */
  async start(): Promise<void> {
    await this.#restore();
    this.#watches = new Map(
      Object.values(this.#kinds).map((kind) => [
        kind,
        this.deps.watch(kind.path, this.#handlers(kind), kind.otherPaths),
      ]),
    );
  }

  /**
   * Resolves when all policies that the API server has at this moment for pods of the namespace are in the compiler, or cannot be
   * had. A call during a request waits for one more, which serves all such calls.
   */
  async refresh(namespace: string): Promise<void> {
    const task = this.#refreshing.get(namespace) ?? new CoalescedTask(() => this.#refreshAll(namespace));
    this.#refreshing.set(namespace, task);
    await task.run();
    if (task.isIdle && this.#refreshing.get(namespace) === task) this.#refreshing.delete(namespace);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
    this.#cancelSave?.();
    if (this.#cancelSave !== null) await this.#saving.run();
  }

  #handlers(kind: Kind): ObjectHandlers {
    return {
      onList: (objects) => this.#takeList(kind, objects),
      onPut: (object) => {
        if (kind.versions?.put(object) === false) return;
        this.#put(kind, object);
        this.#changed();
      },
      onDelete: (object) => {
        if (kind.versions?.delete(object) === false) return;
        this.#delete(kind, object);
        this.#changed();
      },
      onForbidden: (problem) => this.#mayNotRead(kind, problem),
    };
  }

  async #refreshAll(namespace: string): Promise<void> {
    const { policies, clusterPolicies } = this.#kinds;
    await Promise.all([this.#refresh(policies, namespace), this.#refresh(clusterPolicies, null)]);
  }

  /** Takes what is new. What is gone the watch tells of. */
  async #refresh(kind: Kind, namespace: string | null): Promise<void> {
    try {
      const listed = (await this.#watches.get(kind)?.listIn(namespace)) ?? [];
      for (const object of listed) if (kind.versions?.put(object) === true) this.#put(kind, object);
    } catch (thrown) {
      const { log } = this.deps.notices;
      log.debug({ path: kind.path, problem: messageOf(thrown) }, 'policies known so far decide about a new pod');
    }
  }

  /** The last list stays in force. Where there is none, what no NetworkPolicy allows is denied. */
  #mayNotRead(kind: Kind, problem: string): void {
    const isInForce = this.#isKnown || this.#listed.has(kind);
    if (!isInForce) this.deps.compiler.putClusterPolicy(UNREAD_CLUSTER_POLICIES);
    const inForce = isUnread(this.deps.compiler.cluster) ? DENIED_MEANWHILE : 'those read last stay in force';
    this.#forbidden = `cluster network policies cannot be read: ${problem}; ${inForce}; give the right: ${GIVE_RIGHT}`;
    this.deps.notices.write(
      'error',
      'no right to read cluster network policies',
      { problem, do: GIVE_RIGHT },
      kind.path,
    );
    this.#isListed(kind);
  }

  #takeList(kind: Kind, objects: readonly unknown[]): void {
    if (kind === this.#kinds.clusterPolicies) this.#forbidden = '';
    kind.versions?.restart(objects);
    const named = new Set(objects.flatMap((object) => keyOf(object) ?? []));
    for (const { namespace = '', name } of [...kind.present()]) {
      if (!named.has(`${namespace}/${name}`)) kind.remove(namespace, name);
    }
    for (const object of objects) this.#put(kind, object);
    this.#isListed(kind);
  }

  #isListed(kind: Kind): void {
    this.#listed.add(kind);
    this.#changed();
    if (!this.#isKnown && this.#listed.size === Object.keys(this.#kinds).length) this.#known();
  }

  #put(kind: Kind, object: unknown): void {
    const { notices } = this.deps;
    try {
      kind.put(object);
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      const what = `${kind.path}: ${keyOf(object) ?? 'an object without a name'}`;
      notices.write(
        'error',
        'an object for network policies cannot be read',
        { what, problem: messageOf(thrown) },
        what,
      );
    }
  }

  #putPolicy(object: unknown): void {
    const policy = parseNetworkPolicy(object);
    this.deps.compiler.putPolicy(policy);
    const what = `${policy.namespace}/${policy.name}`;
    this.#warn(what, policy.problems, 'parts of a network policy cannot be read, and allow nothing');
  }

  #putClusterPolicy(object: unknown): void {
    const policy = parseClusterPolicy(object);
    this.deps.compiler.putClusterPolicy(policy);
    const message = 'parts of a cluster network policy cannot be read: their rules allow nothing, or deny everything';
    this.#warn(policy.name, policy.problems, message);
  }

  #warn(what: string, problems: readonly string[], message: string): void {
    if (problems.length > 0) this.deps.notices.write('warn', message, { what, problems }, what);
  }

  #delete(kind: Kind, object: unknown): void {
    const [namespace, name] = keyOf(object)?.split('/') ?? [];
    if (namespace !== undefined && name !== undefined) kind.remove(namespace, name);
  }

  #known(): void {
    this.#isKnown = true;
    this.deps.onKnown();
  }

  #changed(): void {
    this.deps.onChanged();
    this.#cancelSave ??= this.deps.clock.after(SAVE_AFTER_MS, () => {
      this.#cancelSave = null;
      void this.#saving.run();
    });
  }

  async #restore(): Promise<void> {
    const { record, notices } = this.deps;
    const known = await record.readOrNull(notices.log, 'the record of policies is damaged; the API server is asked');
    if (known === null) return;
    for (const name of ['namespaces', 'pods', 'policies', 'clusterPolicies'] as const) {
      for (const object of known[name] ?? []) this.#put(this.#kinds[name], object);
    }
    if (known.clusterPolicies === null) this.deps.compiler.putClusterPolicy(UNREAD_CLUSTER_POLICIES);
    this.#known();
  }

  /** A node works without it, until it starts while the API server is away. */
  async #save(): Promise<void> {
    // Half of a cluster would open pods at the next start.
    if (!this.#isKnown) return;
    try {
      await this.deps.record.write(recordOf(this.deps.compiler.cluster));
    } catch (thrown) {
      this.deps.notices.write(
        'warn',
        'network policies are not on disk',
        { error: messageOf(thrown) },
        'policy record',
      );
    }
  }
}

function recordOf(cluster: Cluster): ClusterRecord {
  return {
    pods: [...cluster.pods()].map(podObject),
    namespaces: [...cluster.namespaces()].map(({ name, labels }) => ({ metadata: { name, labels } })),
    policies: [...cluster.policies()].map(({ written }) => written),
    clusterPolicies: isUnread(cluster) ? null : [...cluster.clusterPolicies()].map(({ written }) => written),
  };
}

function isUnread(cluster: Cluster): boolean {
  return [...cluster.clusterPolicies()].includes(UNREAD_CLUSTER_POLICIES);
}
