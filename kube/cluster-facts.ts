/**
 * Facts about the whole cluster: its pod CIDRs and the addresses of a few nodes to join by. The CIDRs are those that kubeadm
 * has written down, else what the nodes own together. Not watched: asked for at the start and now and then.
 */
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { ipFamily } from '../common/address/ip-address.js';
import { parseYaml } from '../common/codec/yaml.js';
import { DecodeError, HeddleError, KubernetesError } from '../common/errors.js';
import { NODES_PATH, STATUS } from './api-server.js';
import type { ApiServer } from './api-server.js';
import { listPages } from './list-pages.js';
import { mergedCidrs } from './merged-cidrs.js';
import { parseNodeObject } from './node-object.js';
import type { NodeObject } from './node-object.js';

export interface ClusterFacts {
  readonly podCidrs: readonly Cidr[];
  /** Addresses of other nodes, at most {@link SEEDS}. */
  readonly seeds: readonly string[];
}

const KUBEADM_CONFIG = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config';
/** 50 000 nodes, ten times what Kubernetes supports. */
const MAX_PAGES = 100;
export const MAX_CLUSTER_CIDRS = 64;
export const SEEDS = 5;

const ConfigMapSchema = Type.Object({ data: Type.Object({ ClusterConfiguration: Type.String() }) });
const ClusterConfigurationSchema = Type.Object({ networking: Type.Object({ podSubnet: Type.String() }) });

export interface ClusterQuestion {
  readonly api: ApiServer;
  readonly ownName: string;
  /** Seeds of the answer before, which stay while their nodes exist. */
  readonly seeds: readonly string[];
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Rejects with KubernetesError or DecodeError. */
export async function readClusterFacts({ api, ownName, seeds, random }: ClusterQuestion): Promise<ClusterFacts> {
  const known = await kubeadmPodCidrs(api);
  // For seeds alone, one page of nodes is enough.
  const nodes = await listNodes(api, known === null ? MAX_PAGES : 1);
  const others = nodes.filter(({ name }) => name !== ownName).flatMap(seedOf);
  const kept = seeds.filter((seed) => others.includes(seed)).slice(0, SEEDS);
  const candidates = others.filter((seed) => !kept.includes(seed));
  const owned = nodes.flatMap(({ podCidrs }) => podCidrs);
  return {
    podCidrs: known ?? mergedCidrs(owned, MAX_CLUSTER_CIDRS),
    seeds: [...kept, ...drawn(candidates, SEEDS - kept.length, random)],
  };
}

/** Null where kubeadm did not make the cluster, or this node may not read its ConfigMap. */
async function kubeadmPodCidrs(api: ApiServer): Promise<Cidr[] | null> {
  try {
    const map = await api.get(KUBEADM_CONFIG);
    if (!Check(ConfigMapSchema, map)) return null;
    const configuration = parseYaml(map.data.ClusterConfiguration);
    if (!Check(ClusterConfigurationSchema, configuration)) return null;
    return configuration.networking.podSubnet.split(',').map((text) => parseCidr(text.trim()));
  } catch (thrown) {
    const isAbsent =
      thrown instanceof KubernetesError && (thrown.status === STATUS.notFound || thrown.status === STATUS.forbidden);
    // Somebody edited it: what the nodes own says the same.
    const isUnreadable = thrown instanceof HeddleError && !(thrown instanceof KubernetesError);
    if (isAbsent || isUnreadable) return null;
    throw thrown;
  }
}

/** Nodes that cannot be read are left out: one damaged object does not stop the others. */
async function listNodes(api: ApiServer, maxPages: number): Promise<NodeObject[]> {
  const nodes: NodeObject[] = [];
  let pages = 0;
  for await (const { items } of listPages(api, NODES_PATH, 'nodes')) {
    for (const item of items) {
      const node = readableNode(item);
      if (node !== null) nodes.push(node);
    }
    if (++pages === maxPages) break;
  }
  return nodes;
}

function readableNode(item: unknown): NodeObject | null {
  try {
    return parseNodeObject(item);
  } catch (thrown) {
    if (thrown instanceof DecodeError) return null;
    throw thrown;
  }
}

/** Some of them at random, none twice. */
function drawn<T>(all: readonly T[], count: number, random: () => number): T[] {
  const left = [...all];
  const some: T[] = [];
  while (some.length < count && left.length > 0) some.push(...left.splice(Math.floor(random() * left.length), 1));
  return some;
}

/** Its first internal address, if it has one. */
function seedOf({ addresses }: NodeObject): string[] {
  return addresses.slice(0, 1).map((address) => (ipFamily(address) === 6 ? `[${address}]` : address));
}
