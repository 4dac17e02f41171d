/**
 * Events of a watch whose cluster changes at random, as a bad connection gives them: some are missed, some come twice, and some
 * late, with an object that has changed since. All pods are of this node.
 */
import type { EndpointRecord } from '../../../cni/index.js';
import { parseIpAddress } from '../../../common/address/ip-address.js';
import type { ApiObjects, ApiPod } from '../../../policy/testing/oracle.js';
import { randomCluster, SMALL_CLUSTER } from '../../../policy/testing/random-cluster.js';
import type { Dice } from '../../../policy/testing/random-cluster.js';

export type EventKind = 'namespaces' | 'pods' | 'policies' | 'clusterPolicies';

export interface StreamEvent {
  readonly kind: EventKind;
  /** `list`: the watch began anew. */
  readonly event: 'onPut' | 'onDelete' | 'list';
  readonly object: unknown;
}

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const KINDS: readonly EventKind[] = ['namespaces', 'pods', 'policies', 'clusterPolicies'];
const SHAPE = { ...SMALL_CLUSTER, withOthers: false };

export class EventStream {
  readonly kinds = KINDS;
  readonly endpoints: EndpointRecord[];
  /** As they are now. */
  objects: ApiObjects;
  /** All events so far, of which any may come again. Bounded by the length of the test. */
  readonly #past: StreamEvent[] = [];

  constructor(readonly dice: Dice) {
    this.objects = randomCluster(dice, SHAPE);
    this.endpoints = this.objects.pods.map(
      ({ metadata: { namespace, name, uid }, status }) =>
        ({
          ...{ podNamespace: namespace, podName: name, podUid: uid },
          ips: status.podIPs.map(({ ip }) => parseIpAddress(ip)),
        }) as unknown as EndpointRecord,
    );
  }

  list(kind: EventKind): readonly Named[] {
    return structuredClone((this.objects[kind] ?? []) as Named[]);
  }

  /** The cluster changes, and the watch gives one event: often that of the change. */
  next(): StreamEvent {
    const changed = this.#change();
    this.#past.push(changed);
    if (this.dice.oneIn(8)) return { ...changed, event: 'list' };
    return this.dice.oneIn(3) ? this.dice.pick(this.#past) : changed;
  }

  /** An object of another random cluster comes or takes the place of one with its name, or one goes; pods change alone. */
  #change(): StreamEvent {
    const kind = this.dice.pick(KINDS);
    const present = this.list(kind);
    const object = kind === 'pods' ? this.#changedPod() : this.dice.pick([...this.#others(kind), ...present]);
    if (object === undefined) return { kind, event: 'list', object: null };
    const others = present.filter((one) => keyOf(one) !== keyOf(object));
    const isGone = kind !== 'pods' && this.dice.oneIn(3);
    this.objects = { ...this.objects, [kind]: isGone ? others : [...others, object] };
    return { kind, event: isGone ? 'onDelete' : 'onPut', object: structuredClone(object) };
  }

  #others(kind: EventKind): readonly Named[] {
    return randomCluster(this.dice, SHAPE)[kind] ?? [];
  }

  /** With labels and ports of another. */
  #changedPod(): ApiPod {
    const { metadata, spec } = this.dice.pick(randomCluster(this.dice, SHAPE).pods);
    const pod = this.dice.pick(this.objects.pods);
    return { ...pod, spec, metadata: { ...pod.metadata, labels: metadata.labels } };
  }
}

function keyOf({ metadata: { namespace = '', name } }: Named): string {
  return `${namespace}/${name}`;
}
