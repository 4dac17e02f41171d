import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { silentLogger } from '../common/log.js';
import { NoticeLog } from '../common/notice-log.js';
import { CrashingDisk } from '../common/testing/crashing-disk.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { KubernetesSource } from './kubernetes-source.js';
import { kubernetesRecord } from './record.js';
import { FakeApiServer } from './testing/fake-api-server.js';
import { nodeObject } from './testing/node-objects.js';

const w1 = (podCidrs: string[], options = {}) => nodeObject('w1', { podCIDRs: podCidrs }, ['192.0.2.1'], options);
const W2 = nodeObject('w2', { podCIDRs: ['10.244.2.0/24'] }, ['192.0.2.2']);

class Cluster {
  readonly api = new FakeApiServer();
  readonly clock = new VirtualClock();
  readonly disk = new CrashingDisk(() => 0.5);
  changes = 0;

  async open(nodeName = 'w1') {
    const { api, clock, disk } = this;
    const record = kubernetesRecord(disk, '/state/kubernetes.json');
    const notices = new NoticeLog(silentLogger(), clock);
    const read = await record.read();
    const onNode = () => undefined;
    const known = read.kind === 'value' ? read.value : null;
    const source = new KubernetesSource({ api, known, nodeName, record, clock, random: () => 0, notices, onNode });
    source.start();
    source.onChange(() => this.changes++);
    await this.settle();
    return source;
  }

  async settle() {
    for (let i = 0; i < 5; i++) await this.clock.advanceSettled(1);
  }
}

describe('settings from Kubernetes', () => {
  it('are the pod CIDRs of the own node, those of the cluster, and seeds', async () => {
    const cluster = new Cluster();
    cluster.api.setNodes([w1(['10.244.1.0/24']), W2]);
    const source = await cluster.open();
    expect(source.name).toBe('Node w1');
    cluster.api.lastWatch.send({ type: 'MODIFIED', object: w1(['fd00:1::/64', '10.244.1.0/24']) });
    expect(source.current()).toEqual({
      values: {
        podCidrs: ['10.244.1.0/24', 'fd00:1::/64'],
        clusterCidrs: ['10.244.1.0/24', '10.244.2.0/24', 'fd00:1::/64'],
        seeds: ['192.0.2.2'],
      },
      waitingFor: null,
    });
    expect(cluster.changes).toBeGreaterThan(0);
    await source.stop();
  });

  it('say what they wait for', async () => {
    const cluster = new Cluster();
    cluster.api.objects.set('/api/v1/nodes', 403);
    const source = await cluster.open();
    expect(source.current().waitingFor).toMatch(/^Node w1 of the Kubernetes API server: .*status 403/);
    cluster.api.setNodes([]);
    await cluster.clock.advanceSettled(3_000, 500);
    expect(source.current().waitingFor).toBe('Node w1, which the Kubernetes API server does not have');
    cluster.api.lastWatch.send({ type: 'ADDED', object: w1([]) });
    expect(source.current().waitingFor).toBe('Node w1 to get podCIDRs (kube-controller-manager --allocate-node-cidrs)');
    cluster.api.lastWatch.send({ type: 'MODIFIED', object: w1(['10.244.1.0/24']) });
    expect(source.current()).toMatchObject({ values: { podCidrs: ['10.244.1.0/24'] }, waitingFor: null });
    await source.stop();
  });

  it('stay when the node is deleted, and follow the one that is made anew', async () => {
    const cluster = new Cluster();
    cluster.api.setNodes([w1(['10.244.1.0/24'])]);
    const source = await cluster.open();
    cluster.api.lastWatch.send({ type: 'DELETED', object: w1(['10.244.1.0/24']) });
    expect(source.current()).toMatchObject({ values: { podCidrs: ['10.244.1.0/24'] }, waitingFor: null });
    cluster.api.lastWatch.send({ type: 'ADDED', object: w1([], { uid: 'another' }) });
    expect(source.current().values.podCidrs).toEqual(['10.244.1.0/24']);
    cluster.api.lastWatch.send({ type: 'MODIFIED', object: w1(['10.244.9.0/24'], { uid: 'another' }) });
    expect(source.current().values.podCidrs).toEqual(['10.244.9.0/24']);
    await source.stop();
  });

  it('are on disk for a start while the API server is away', async () => {
    const cluster = new Cluster();
    cluster.api.setNodes([w1(['10.244.1.0/24'])]);
    await (await cluster.open()).stop();
    cluster.api.objects.set('/api/v1/nodes', 503);
    const source = await cluster.open();
    expect(source.current()).toMatchObject({ values: { podCidrs: ['10.244.1.0/24'] }, waitingFor: null });
    await source.stop();
    const renamed = await cluster.open('w2');
    expect(renamed.current().values).toEqual({});
    await renamed.stop();
  });

  it('hold the CIDRs of a node that came since they were asked for at once', async () => {
    const cluster = new Cluster();
    cluster.api.setNodes([w1(['10.244.1.0/24'])]);
    const source = await cluster.open();
    source.nodesHave(['10.244.0.0/24', 'fd00::/64'].map(parseCidr));
    expect(source.current().values.clusterCidrs).toEqual(['10.244.0.0/23', 'fd00::/64']);
    const { changes } = cluster;
    source.nodesHave([parseCidr('10.244.1.0/24')]);
    expect(cluster.changes).toBe(changes);
    await source.stop();
  });

  it('hold the own CIDRs in those of the cluster at once, and ask for the others soon after a change of them', async () => {
    const cluster = new Cluster();
    cluster.api.setNodes([w1(['10.244.1.0/24']), W2]);
    const source = await cluster.open();
    cluster.api.setNodes([w1(['10.244.8.0/24']), nodeObject('w2', { podCIDRs: ['10.244.9.0/24'] }, ['192.0.2.2'])]);
    cluster.api.lastWatch.send({ type: 'MODIFIED', object: w1(['10.244.8.0/24']) });
    expect(source.current().values.clusterCidrs).toEqual(['10.244.1.0/24', '10.244.2.0/24', '10.244.8.0/24']);
    await cluster.clock.advanceSettled(4_000, 500);
    expect(source.current().values.clusterCidrs).toEqual(['10.244.8.0/23']);
    await source.stop();
  });

  it('ask for the cluster again every half hour, and sooner after a failure', async () => {
    const cluster = new Cluster();
    cluster.api.setNodes([w1(['10.244.1.0/24'])]);
    const source = await cluster.open();
    cluster.api.setNodes([w1(['10.244.1.0/24']), nodeObject('w2', { podCIDRs: ['10.244.0.0/24'] }, ['192.0.2.2'])]);
    await cluster.clock.advanceSettled(30 * 60_000 + 1_000, 60_000);
    expect(source.current().values).toMatchObject({ clusterCidrs: ['10.244.0.0/23'], seeds: ['192.0.2.2'] });
    await source.stop();
    expect(cluster.clock.pending).toBe(0);
  });
});
