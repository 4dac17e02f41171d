/** Pods and namespaces of the Kubernetes API (core/v1), reduced to what network policies look at. */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseLocated } from '../../common/address/located-address.js';
import { DecodeError } from '../../common/errors.js';
import type { Labels } from './label-selector.js';

export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export function isProtocol(text: string): text is Protocol {
  return (PROTOCOLS as readonly string[]).includes(text);
}

export interface NamedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** By which the kubelet knows it: its own, and for a static pod the one of its file. */
  readonly uids: readonly string[];
  readonly labels: Labels;
  /** Empty until the pod has a sandbox. */
  readonly ips: readonly IpAddress[];
  /** Its addresses are those of its node. Policies neither apply to it nor select it as a peer. */
  readonly hostNetwork: boolean;
  /** Succeeded or failed: its addresses may be those of another pod. */
  readonly isOver: boolean;
  readonly ports: readonly NamedPort[];
}

export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

const LabelsSchema = Type.Optional(Type.Record(Type.String(), Type.String()));
const ContainersSchema = Type.Optional(
  Type.Array(
    Type.Object({
      restartPolicy: Type.Optional(Type.String()),
      ports: Type.Optional(
        Type.Array(
          Type.Object({
            name: Type.Optional(Type.String()),
            containerPort: Type.Integer(),
            protocol: Type.Optional(Type.String()),
          }),
        ),
      ),
    }),
  ),
);
const PodObject = Compile(
  Type.Object({
    metadata: Type.Object({
      namespace: Type.String(),
      name: Type.String(),
      uid: Type.Optional(Type.String()),
      annotations: Type.Optional(Type.Object({ 'kubernetes.io/config.hash': Type.Optional(Type.String()) })),
      labels: LabelsSchema,
    }),
    spec: Type.Object({
      hostNetwork: Type.Optional(Type.Boolean()),
      containers: ContainersSchema,
      initContainers: ContainersSchema,
    }),
    status: Type.Optional(
      Type.Object({
        phase: Type.Optional(Type.String()),
        podIP: Type.Optional(Type.String()),
        podIPs: Type.Optional(Type.Array(Type.Object({ ip: Type.String() }))),
      }),
    ),
  }),
);
const NamespaceObject = Compile(Type.Object({ metadata: Type.Object({ name: Type.String(), labels: LabelsSchema }) }));

const OVER: readonly string[] = ['Succeeded', 'Failed'];

/** `namespace/name`. */
export function podKey({ namespace, name }: Pick<Pod, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** Throws DecodeError that names the pod. */
export function parsePod(value: unknown): Pod {
  if (!PodObject.Check(value)) throw new DecodeError('expected a Pod with metadata.namespace, metadata.name and spec');
  const { metadata, spec, status } = value;
  // Containers that run beside the others for the pod's whole life are written as init containers (KEP 753).
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...(spec.containers ?? []), ...sidecars].flatMap((container) => container.ports ?? []);
  const written = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uids: [metadata.uid, metadata.annotations?.['kubernetes.io/config.hash']].filter((uid) => uid !== undefined),
    labels: metadata.labels ?? {},
    ips: written
      .filter((ip) => ip !== '')
      .map((ip) => parseLocated(`Pod ${podKey(metadata)}: status.podIPs`, ip, parseIpAddress)),
    hostNetwork: spec.hostNetwork === true,
    isOver: OVER.includes(status?.phase ?? ''),
    ports: ports.flatMap(({ name, containerPort, protocol = 'TCP' }) =>
      name === undefined ? [] : [{ name, protocol, port: containerPort }],
    ),
  };
}

/** As the API server gives it, for {@link parsePod}. */
export function podObject({
  namespace,
  name,
  uids: [uid, hash],
  labels,
  ips,
  hostNetwork,
  isOver,
  ports,
}: Pod): unknown {
  const annotations = hash === undefined ? {} : { annotations: { 'kubernetes.io/config.hash': hash } };
  const containers = [{ ports: ports.map(({ port, ...named }) => ({ ...named, containerPort: port })) }];
  return {
    metadata: { namespace, name, labels, ...(uid === undefined ? {} : { uid }), ...annotations },
    spec: { hostNetwork, containers },
    status: { phase: isOver ? 'Succeeded' : 'Running', podIPs: ips.map((ip) => ({ ip })) },
  };
}

/** Throws DecodeError. */
export function parseNamespace(value: unknown): Namespace {
  if (!NamespaceObject.Check(value)) throw new DecodeError('expected a Namespace with metadata.name');
  return { name: value.metadata.name, labels: value.metadata.labels ?? {} };
}
