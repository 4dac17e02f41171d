import { describe, expect, it } from '@jest/globals';
import { cidrContains, parseCidr } from '../../../common/address/cidr.js';
import { parseIpAddress } from '../../../common/address/ip-address.js';
import { MAX_NODES, linkAddress, planCluster, podName } from './plan.js';

describe('planCluster', () => {
  it('distributes the pods over the nodes in the order of their names', () => {
    const { pods } = planCluster(2, 2);
    expect(pods).toEqual([
      { name: 'pod-a', nodeIndex: 1 },
      { name: 'pod-b', nodeIndex: 1 },
      { name: 'pod-c', nodeIndex: 2 },
      { name: 'pod-d', nodeIndex: 2 },
    ]);
  });

  it('gives every node pod CIDRs of its own within the cluster, and distinct underlay addresses', () => {
    const { nodes, clusterCidrs } = planCluster(MAX_NODES, 1);
    const cidrs = nodes.flatMap((node) => node.podCidrs.map(parseCidr));
    expect(new Set(cidrs).size).toBe(2 * MAX_NODES);
    for (const cidr of cidrs) {
      const network = parseIpAddress(cidr.slice(0, cidr.indexOf('/')));
      expect(clusterCidrs.some((all) => cidrContains(parseCidr(all), network))).toBe(true);
    }
    expect(new Set(nodes.flatMap((node) => [node.underlayV4, node.underlayV6])).size).toBe(2 * MAX_NODES);
  });

  it('omits a family on request, and uses the other for links', () => {
    const four = planCluster(1, 1, 'ipv4');
    expect(four.clusterCidrs).toEqual(['10.32.0.0/16']);
    expect(four.nodes[0]!.podCidrs).toEqual(['10.32.1.0/24']);
    const six = planCluster(1, 1, 'ipv6');
    expect(six.nodes[0]!.podCidrs).toEqual(['fd00:32:0:1::/64']);
    expect(linkAddress(six.nodes[0]!, 'ipv6')).toBe('fd99::1');
    expect(linkAddress(six.nodes[0]!, 'dual')).toBe('192.168.99.1');
  });
});

describe('podName', () => {
  it('continues with two letters after z', () => {
    expect([0, 25, 26, 27, 52].map(podName)).toEqual(['pod-a', 'pod-z', 'pod-aa', 'pod-ab', 'pod-ba']);
  });
});
