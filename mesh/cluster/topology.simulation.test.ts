import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { convergedSimulation } from '../testing/simulation.js';
import type { SimNode } from '../testing/sim-node.js';

describe('the topology', () => {
  it(
    'is reported by the others only while it is watched',
    convergedSimulation(4, 1, (network, nodes) => {
      expect(nodes[0]!.mesh!.remoteLinks(network.nowMs)).toEqual([]);
      nodes[0]!.handle({ type: 'topologyWanted', untilMs: network.nowMs + 5_000 });
      network.run(5_000);
      const links = nodes[0]!.mesh!.remoteLinks(network.nowMs);
      expect(links).toHaveLength(6);
      expect(links.every(({ a, b, state }) => a !== b && b !== nodes[0]!.id && state === 'up')).toBe(true);
      expect(links.every(({ cipher }) => cipher === 'aes-256-gcm')).toBe(true);
      network.run(15_000);
      expect(nodes[0]!.mesh!.remoteLinks(network.nowMs)).toEqual([]);
    }),
  );

  it(
    'holds the present pods of the others while it is watched',
    convergedSimulation(3, 1, (network, nodes) => {
      const [looking, one, two] = nodes as [SimNode, SimNode, SimNode];
      const pod = (name: string, ...ips: string[]) => ({ name, ips: ips.map(parseIpAddress) });
      one.handle({ type: 'localPods', pods: [pod('default/web-0', '10.32.2.2', 'fd00::2'), pod('0123456789ab')] });
      const seen = () => new Map(looking.mesh!.remotePods(network.nowMs).map((report) => [report.node, report]));
      looking.handle({ type: 'topologyWanted', untilMs: network.nowMs + 9_000 });
      network.run(1_000);
      expect(seen().get(one.id)).toMatchObject({
        pods: [pod('default/web-0', '10.32.2.2', 'fd00::2'), pod('0123456789ab')],
        podCount: 2,
      });
      expect(seen().get(two.id)).toMatchObject({ pods: [], podCount: 0 });
      one.handle({ type: 'localPods', pods: [] });
      network.run(3_000);
      expect(seen().get(one.id)).toMatchObject({ pods: [], podCount: 0 });
    }),
  );

  it(
    'keeps the pods of a node that died before anybody watched, with their age',
    convergedSimulation(3, 1, (network, nodes) => {
      const [looking, dead] = nodes as [SimNode, SimNode];
      dead.handle({ type: 'localPods', pods: [{ name: 'default/web-0', ips: [parseIpAddress('10.32.2.2')] }] });
      network.run(10_000);
      dead.kill();
      network.run(60_000);
      expect(looking.stateOf(dead)).toBe('down');
      const report = looking.mesh!.remotePods(network.nowMs).find(({ node }) => node === dead.id);
      expect(report).toMatchObject({ podCount: 1, pods: [{ name: 'default/web-0' }] });
      expect(report!.ageMs).toBeGreaterThan(59_000);
    }),
  );

  it(
    'is complete when every linked peer has reported',
    convergedSimulation(4, 1, (network, nodes) => {
      const { mesh } = nodes[0]!;
      expect(mesh!.topologyReports(network.nowMs)).toEqual({ received: 0, expected: 3, complete: false });
      nodes[0]!.handle({ type: 'topologyWanted', untilMs: network.nowMs + 5_000 });
      network.run(500);
      expect(mesh!.topologyReports(network.nowMs)).toEqual({ received: 3, expected: 3, complete: true });
    }),
  );
});
