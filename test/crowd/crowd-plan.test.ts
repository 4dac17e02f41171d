import { describe, expect, it } from '@jest/globals';
import { cidrIncludes, parseCidr } from '../../common/address/cidr.js';
import { CROWD_CLUSTER_CIDR, MAX_CROWD, planCrowd } from './crowd-plan.js';

describe('the plan of a crowd', () => {
  const plans = planCrowd(MAX_CROWD);

  it('has names, addresses and pod CIDRs that are all different', () => {
    for (const field of ['name', 'address', 'podCidr'] as const) {
      expect(new Set(plans.map((plan) => plan[field])).size).toBe(MAX_CROWD);
    }
  });

  it('begins at the documented addresses and stays within the cluster CIDR', () => {
    expect(plans[0]).toEqual({ name: 'crowd-1', address: '10.77.1.1', podCidr: '10.33.0.0/24' });
    expect(plans[250]).toMatchObject({ address: '10.77.2.1' });
    expect(plans.at(-1)).toMatchObject({ podCidr: '10.47.255.0/24' });
    const cluster = parseCidr(CROWD_CLUSTER_CIDR);
    expect(plans.filter(({ podCidr }) => !cidrIncludes(cluster, podCidr))).toEqual([]);
  });
});
