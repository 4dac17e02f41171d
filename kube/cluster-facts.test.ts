import { describe, expect, it } from '@jest/globals';
import { KubernetesError } from '../common/errors.js';
import { readClusterFacts, SEEDS } from './cluster-facts.js';
import { FakeApiServer } from './testing/fake-api-server.js';
import { nodeObject } from './testing/node-objects.js';

const KUBEADM_CONFIG = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config';
const nodes = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    nodeObject(`w${i}`, { podCIDRs: [`10.244.${i}.0/24`] }, [`192.0.2.${i + 1}`]),
  );
const kubeadm = (text: string) => ({ data: { ClusterConfiguration: text } });

function factsOf(api: FakeApiServer, seeds: readonly string[] = [], random = () => 0) {
  return readClusterFacts({ api, ownName: 'w0', seeds, random });
}

describe('the facts of a cluster', () => {
  it('are the pod CIDRs that kubeadm wrote down, of both families', async () => {
    const api = new FakeApiServer();
    api.setNodes(nodes(2));
    api.objects.set(KUBEADM_CONFIG, kubeadm('networking:\n  podSubnet: 10.244.0.0/16,fd00:10:244::/56\n'));
    expect((await factsOf(api)).podCidrs).toEqual(['10.244.0.0/16', 'fd00:10:244::/56']);
    expect(api.gets.at(-1)).toBe('/api/v1/nodes?limit=500');
  });

  it.each([
    ['absent', undefined],
    ['forbidden', 403],
    ['without a pod subnet', kubeadm('networking: {}')],
    ['no YAML', kubeadm('{')],
    ['no CIDR', kubeadm('networking:\n  podSubnet: everything\n')],
    ['another object', { data: {} }],
  ])('are what the nodes own together when the ConfigMap of kubeadm is %s', async (_, object) => {
    const api = new FakeApiServer();
    api.setNodes(nodes(4));
    if (object !== undefined) api.objects.set(KUBEADM_CONFIG, object);
    expect((await factsOf(api)).podCidrs).toEqual(['10.244.0.0/22']);
  });

  it('are read page by page', async () => {
    const api = new FakeApiServer();
    const [first, second] = [nodes(4).slice(0, 2), nodes(4).slice(2)];
    api.get = (path) => {
      api.gets.push(path);
      if (path === KUBEADM_CONFIG) return Promise.reject(new KubernetesError(404, 'not found'));
      const isFirst = !path.includes('continue=');
      return Promise.resolve({
        metadata: { resourceVersion: '1', ...(isFirst ? { continue: 'a b' } : {}) },
        items: isFirst ? first : second,
      });
    };
    expect((await factsOf(api)).podCidrs).toEqual(['10.244.0.0/22']);
    expect(api.gets.at(-1)).toBe('/api/v1/nodes?limit=500&continue=a%20b');
  });

  it('leave out a node that cannot be read', async () => {
    const api = new FakeApiServer();
    api.setNodes([...nodes(2), { kind: 'Node' }, nodeObject('bad', { podCIDRs: ['x'] }, [])]);
    expect(await factsOf(api)).toEqual({ podCidrs: ['10.244.0.0/23'], seeds: ['192.0.2.2'] });
  });

  it('name a few other nodes to join by, and the same ones again while they exist', async () => {
    const api = new FakeApiServer();
    api.setNodes(nodes(40));
    const first = (await factsOf(api)).seeds;
    expect(first).toHaveLength(SEEDS);
    expect(new Set(first).size).toBe(SEEDS);
    expect(first).not.toContain('192.0.2.1');
    expect((await factsOf(api, first, () => 0.99)).seeds).toEqual(first);
    const next = (await factsOf(api, ['198.51.100.9', ...first.slice(1)], () => 0.99)).seeds;
    expect(next.slice(0, SEEDS - 1)).toEqual(first.slice(1));
    expect(next[SEEDS - 1]).toBe('192.0.2.40');
  });

  it('write seeds of IPv6 in brackets', async () => {
    const api = new FakeApiServer();
    api.setNodes([nodeObject('w1', {}, ['2001:db8::7'])]);
    expect((await factsOf(api)).seeds).toEqual(['[2001:db8::7]']);
  });

  it('fail when the API server does', async () => {
    const api = new FakeApiServer();
    api.objects.set('/api/v1/nodes', 500);
    await expect(factsOf(api)).rejects.toThrow('status 500');
    api.objects.set('/api/v1/nodes', { items: 'none' });
    await expect(factsOf(api)).rejects.toThrow('expected a list of nodes');
  });
});
