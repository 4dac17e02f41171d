/** Node objects of the Kubernetes API (core/v1), reduced to what a pod network uses. */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Check } from 'typebox/value';
import { cidrFamily, parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { IpAddress } from '../common/address/ip-address.js';
import { NODE_KEY_ANNOTATION } from '../common/kubernetes-names.js';
import { parseLocated } from '../common/address/located-address.js';
import { DecodeError } from '../common/errors.js';

export interface NodeObject {
  readonly name: string;
  /** Another one under the same name is another node. */
  readonly uid: string;
  /** Empty until the control plane has allocated them. IPv4 first, whatever the order in the object. */
  readonly podCidrs: readonly Cidr[];
  /** Addresses of type InternalIP. */
  readonly addresses: readonly IpAddress[];
  readonly taints: readonly Taint[];
  /** The identity key that the node has published, as {@link encodedKey} writes it; null before. */
  readonly nodeKey: string | null;
  /** Status of the condition NetworkUnavailable: True, False, Unknown; null when there is none. */
  readonly networkUnavailable: string | null;
}

const TaintSchema = Type.Object({
  key: Type.String(),
  effect: Type.String(),
  value: Type.Optional(Type.String()),
});
export type Taint = Static<typeof TaintSchema>;

/** The part of the object that is read; `podCIDR` is the first of `podCIDRs`, and alone in old objects. */
const NodeSchema = Type.Object({
  metadata: Type.Object({
    name: Type.String({ minLength: 1 }),
    uid: Type.String(),
    annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  }),
  spec: Type.Optional(
    Type.Object({
      podCIDR: Type.Optional(Type.String()),
      podCIDRs: Type.Optional(Type.Array(Type.String(), { maxItems: 16 })),
      taints: Type.Optional(Type.Array(TaintSchema)),
    }),
  ),
  status: Type.Optional(
    Type.Object({
      addresses: Type.Optional(Type.Array(Type.Object({ type: Type.String(), address: Type.String() }))),
      conditions: Type.Optional(Type.Array(Type.Object({ type: Type.String(), status: Type.String() }))),
    }),
  ),
});

/** As in the annotation: base64. */
export function encodedKey(publicKey: Uint8Array): string {
  return Buffer.from(publicKey).toString('base64');
}

/** Throws DecodeError that names the node and what is wrong with it. */
export function parseNodeObject(value: unknown): NodeObject {
  if (!Check(NodeSchema, value)) throw new DecodeError('expected a Node object with metadata.name and metadata.uid');
  const { metadata, spec, status } = value;
  const written = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  const what = `Node ${metadata.name}`;
  return {
    name: metadata.name,
    uid: metadata.uid,
    podCidrs: written.map((text) => parseLocated(`${what}: spec.podCIDRs`, text, parseCidr)).sort(ipv4First),
    taints: spec?.taints ?? [],
    nodeKey: metadata.annotations?.[NODE_KEY_ANNOTATION] ?? null,
    networkUnavailable: status?.conditions?.find(({ type }) => type === 'NetworkUnavailable')?.status ?? null,
    addresses: internal.map(({ address }) => parseLocated(`${what}: status.addresses`, address, parseIpAddress)),
  };
}

/** Stable: CIDRs of one family keep their order. */
function ipv4First(a: Cidr, b: Cidr): number {
  return cidrFamily(a) - cidrFamily(b);
}
