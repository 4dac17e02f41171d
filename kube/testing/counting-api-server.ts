/** API server of a quiet cluster that counts its requests. It ends watches on the clock, as they asked, and sends bookmarks. */
import type { Clock } from '../../common/clock.js';
import { every } from '../../common/clock.js';
import { KubernetesError } from '../../common/errors.js';
import type { ApiServer, PatchType } from '../api-server.js';
import { nodeObject } from './node-objects.js';
import { patchedObject } from './patched-object.js';

const BOOKMARK_INTERVAL_MS = 60_000;
const CLUSTER_POLICIES = '/apis/policy.networking.k8s.io/';

export class CountingApiServer implements ApiServer {
  readonly name = 'https://api.test';
  #counts: Record<string, number> = {};
  readonly #nodes = new Map<string, unknown>();

  /** @param nodes how many the cluster has: `node-0` and on, made by kubeadm */
  constructor(
    private readonly clock: Clock,
    readonly nodes: number,
    private readonly hasClusterPolicies: boolean,
  ) {
    for (let i = 0; i < nodes; i++) {
      const spec = { podCIDRs: [`10.${64 + (i >>> 8)}.${i & 255}.0/24`], taints: [] };
      const node = nodeObject(`node-${i}`, spec, [`192.0.${2 + (i >>> 8)}.${i & 255}`]);
      this.#nodes.set(node.metadata.name, node);
    }
  }

  /** Requests by verb and path since the last call. */
  take(): Record<string, number> {
    const counts = this.#counts;
    this.#counts = {};
    return counts;
  }

  get(path: string): Promise<unknown> {
    const [at, query = ''] = path.split('?') as [string, string?];
    const named = /^\/api\/v1\/nodes\/(.+)$/.exec(at)?.[1];
    const isList = named === undefined && !at.includes('/configmaps/');
    this.#count(isList ? 'LIST' : 'GET', named === undefined ? at : '/api/v1/nodes/NAME');
    if (named !== undefined) return Promise.resolve(structuredClone(this.#nodes.get(named)));
    if (at.endsWith('/configmaps/kubeadm-config')) return Promise.resolve(KUBEADM_CONFIG);
    if (at.startsWith(CLUSTER_POLICIES) && !this.hasClusterPolicies) return Promise.reject(notFound(path));
    return Promise.resolve({ metadata: { resourceVersion: '1' }, items: this.#itemsOf(at, query) });
  }

  patch(path: string, type: PatchType, body: unknown): Promise<unknown> {
    const name = path.split('/')[4]!;
    this.#count('PATCH', path.replace(name, 'NAME'));
    const patched = patchedObject(this.#nodes.get(name), type, body);
    this.#nodes.set(name, patched);
    return Promise.resolve(structuredClone(patched));
  }

  create(path: string): Promise<void> {
    this.#count('POST', path);
    return Promise.resolve();
  }

  watch(path: string, onEvent: (event: unknown) => void, signal: AbortSignal): Promise<void> {
    const [at, query = ''] = path.split('?') as [string, string?];
    this.#count('WATCH', at);
    const lastsMs = Number(new URLSearchParams(query).get('timeoutSeconds')) * 1000;
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '1' } } };
    return new Promise((resolve, reject) => {
      const stop = every(this.clock, BOOKMARK_INTERVAL_MS, () => onEvent(bookmark));
      this.clock.after(lastsMs, () => {
        stop();
        resolve();
      });
      signal.addEventListener('abort', () => {
        stop();
        reject(new KubernetesError(null, `${path}: aborted`));
      });
    });
  }

  #itemsOf(at: string, query: string): unknown[] {
    if (at !== '/api/v1/nodes') return [];
    const asked = new URLSearchParams(query);
    const name = /^metadata\.name=(.+)$/.exec(asked.get('fieldSelector') ?? '')?.[1];
    const nodes = name === undefined ? [...this.#nodes.values()] : [this.#nodes.get(name)];
    return structuredClone(nodes.slice(0, Number(asked.get('limit'))));
  }

  #count(verb: string, path: string): void {
    const call = `${verb} ${path}`;
    this.#counts[call] = (this.#counts[call] ?? 0) + 1;
  }
}

const KUBEADM_CONFIG = { data: { ClusterConfiguration: 'networking:\n  podSubnet: 10.64.0.0/10\n' } };

function notFound(path: string): KubernetesError {
  return new KubernetesError(404, `${path} not found`);
}
