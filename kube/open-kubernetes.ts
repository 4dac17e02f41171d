/** Composition of the adapter for a node with this configuration: source of settings, report of readiness, events. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../common/clock.js';
import type { Config } from '../common/config.js';
import { ConfigError } from '../common/errors.js';
import { kubernetesRecordFile, nodeKeysFile } from '../common/host/run-files.js';
import type { NoticeLog } from '../common/notice-log.js';
import type { Disk } from '../common/storage/disk.js';
import type { DurableFile } from '../common/storage/durable-file.js';
import { NODES_PATH } from './api-server.js';
import type { ApiServer } from './api-server.js';
import { HttpsApiServer } from './https-api-server.js';
import { NodeKeys } from './node-keys.js';
import { nodeKeysRecord } from './node-keys-record.js';
import { KubernetesSource } from './kubernetes-source.js';
import { NodeEvents } from './node-events.js';
import type { ReportedCondition } from './node-events.js';
import { NodeReport } from './node-report.js';
import type { NodeObject } from './node-object.js';
import { kubernetesRecord } from './record.js';
import type { KubernetesRecord } from './record.js';
import { serverAddress } from './server-address.js';

export interface KubernetesDeps {
  readonly config: Config;
  readonly nodeName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly notices: NoticeLog;
}

export interface Kubernetes {
  readonly source: KubernetesSource;
  readonly authority: NodeKeys;
  /** Other nodes compare this key. */
  publish(publicKey: Uint8Array): void;
  /** How the node does. */
  report(isReady: boolean, conditions: readonly ReportedCondition[]): void;
}

/** With what is on disk; the API server is asked from now on. Rejects with ConfigError when none is known. */
export async function openKubernetes(deps: KubernetesDeps): Promise<Kubernetes> {
  const { config, env, disk, notices } = deps;
  const record = kubernetesRecord(disk, kubernetesRecordFile(config));
  const known = await record.readOrNull(notices.log, 'what Kubernetes said last is damaged, and is asked for again');
  const url = serverAddress({ configured: config.kubernetesApi, env, lastKnown: known?.server ?? null });
  if (url === null) {
    throw new ConfigError(['kubernetes is true, and neither kubernetesApi nor KUBERNETES_SERVICE_HOST names a server']);
  }
  const api = new HttpsApiServer({
    url,
    credentials: config.kubernetesCredentials,
    readFile: (path) => readFile(path, 'utf8'),
  });
  return composeKubernetes({ ...deps, api, record, known, random: Math.random });
}

export interface ComposedDeps extends Omit<KubernetesDeps, 'env'> {
  readonly api: ApiServer;
  readonly record: DurableFile<KubernetesRecord>;
  /** What {@link record} held at the start, or null. */
  readonly known: KubernetesRecord | null;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** The adapter over a connection to this API server, which is asked from now on. */
export async function composeKubernetes(deps: ComposedDeps): Promise<Kubernetes> {
  const { config, nodeName, api, record, known, clock, random, notices } = deps;
  const events = new NodeEvents({ api, clock, notices });
  const report = new NodeReport({ api, clock, random, notices, startupTaint: config.kubernetesStartupTaint });
  const onNode = (node: NodeObject | null): void => {
    events.nodeIs(node);
    report.nodeIs(node);
  };
  const source = new KubernetesSource({ api, known, nodeName, record, clock, random, notices, onNode });
  source.start();
  return {
    source,
    authority: await openNodeKeys(deps, api, source),
    publish: (publicKey) => report.publish(publicKey),
    report(isReady, conditions) {
      report.readinessIs(isReady);
      events.conditionsAre(conditions);
    },
  };
}

async function openNodeKeys(
  { config, disk, notices }: ComposedDeps,
  api: ApiServer,
  source: KubernetesSource,
): Promise<NodeKeys> {
  const record = nodeKeysRecord(disk, nodeKeysFile(config));
  const named = await record.readOrNull(notices.log, 'the keys of other nodes are damaged, and are asked for again');
  return new NodeKeys({
    ...{ api, remembered: named ?? [], record, notices },
    watchNodes: (handlers) => source.watchObjects(NODES_PATH, { ...handlers, form: 'metadata' }),
    onPodCidrs: (podCidrs) => source.nodesHave(podCidrs),
  });
}
