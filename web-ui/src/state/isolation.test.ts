import { describe, expect, it } from '@jest/globals';
import { isolationOf } from './isolation.js';

const rule = { policy: 'red/web', index: 0, peers: 'everyone', ports: 'TCP 80' };

describe('the isolation of a pod', () => {
  it('is none without a policy, and tells rules and policies without one', () => {
    expect(isolationOf({ isolated: false, policies: [], rules: [] }, true)).toEqual({ state: 'open', lines: [] });
    expect(isolationOf({ isolated: true, policies: ['red/deny', 'red/web'], rules: [rule] }, true)).toEqual({
      state: 'isolated',
      lines: ['red/web: TCP 80, everyone', 'red/deny: nobody'],
    });
  });

  it('names the actions of cluster-wide rules, and leaves everyone else open', () => {
    const deny = { ...rule, policy: 'lockdown', tier: 'Admin' as const, action: 'Deny' as const };
    expect(isolationOf({ isolated: false, policies: [], rules: [deny] }, true)).toEqual({
      state: 'isolated',
      lines: ['lockdown: Deny TCP 80, everyone', 'everyone else'],
    });
  });

  it('is whole for a pod without a rule, and for one that is not known yet', () => {
    const isolated = { isolated: true, policies: ['red/deny'], rules: [] };
    expect(isolationOf(isolated, true)).toEqual({ state: 'denied', lines: ['red/deny: nobody'] });
    expect(isolationOf({ ...isolated, policies: [] }, false).lines).toEqual([
      'nobody, until the API server tells of the pod',
    ]);
  });
});
