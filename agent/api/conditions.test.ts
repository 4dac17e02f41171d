import { describe, expect, it } from '@jest/globals';
import { attachObstacle, evaluateConditions, isReady, statusObstacle, verdictOf } from './conditions.js';
import type { NodeFacts } from './conditions.js';

const healthy: NodeFacts = {
  routerConnected: true,
  routerIsSilent: false,
  unconfined: [],
  engine: { name: 'openssl', sealNsPerKiB: 50, fasterPackage: null },
  settings: { refused: null, needsRestart: [], waitingFor: null },
  withdrawn: [],
  podCidrs: ['10.1.1.0/24'],
  hostProblems: [],
  fullTables: [],
  reversePath: '',
  underlayDrops: '',
  policyWarning: '',
  policiesAreOff: false,
  podsReconciled: true,
  stateDiskProblem: null,
  cniNotes: [],
  addressProblem: null,
  lostClaims: [],
  wonClaims: [],
  seeds: 2,
  peersUp: 1,
  peersMissing: [],
};
const failed = (facts: Partial<NodeFacts>) =>
  evaluateConditions({ ...healthy, ...facts })
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);

describe('the conditions of a node', () => {
  it('is not ready with a full or read-only state disk; STATUS fails, ADD is tried', () => {
    const conditions = evaluateConditions({ ...healthy, stateDiskProblem: '/state is not writable: EROFS' });
    expect([isReady(conditions), attachObstacle(conditions)]).toEqual([false, null]);
    expect(statusObstacle(conditions)).toContain('state-disk: /state is not writable: EROFS');
  });

  it('is ready without a free address, with a warning; STATUS fails, ADD is tried', () => {
    const conditions = evaluateConditions({ ...healthy, addressProblem: 'no free address in 10.1.1.0/24' });
    expect([isReady(conditions), verdictOf(conditions), attachObstacle(conditions)]).toEqual([true, 'warning', null]);
    expect(statusObstacle(conditions)).toBe('addresses: no free address in 10.1.1.0/24');
  });

  it('finds nothing missing on a healthy node', () => {
    const conditions = evaluateConditions(healthy);
    expect(conditions.every(({ ok, message }) => ok && message === '')).toBe(true);
    expect(isReady(conditions)).toBe(true);
    expect(attachObstacle(conditions)).toBeNull();
  });

  it.each<[string, Partial<NodeFacts>, string[]]>([
    ['the router is away', { routerConnected: false }, ['router']],
    ['the router hangs', { routerIsSilent: true }, ['router']],
    ['the first look at the host is not over', { hostProblems: null }, ['host-network']],
    [
      'a part of the host is broken',
      { hostProblems: [{ part: 'bridge', message: 'no permission' }] },
      ['host-network'],
    ],
    ['there is no pod CIDR', { podCidrs: [], hostProblems: null }, ['pod-cidr', 'host-network']],
    ['pods are being collected', { podsReconciled: false }, ['pods']],
  ])('is not ready and attaches nothing when %s', (_, facts, names) => {
    const conditions = evaluateConditions({ ...healthy, ...facts });
    expect(failed(facts)).toEqual(names);
    expect(isReady(conditions)).toBe(false);
    expect(attachObstacle(conditions)).toContain(names[0]);
  });

  it('is not ready with a lost claim, but may attach: the allocator knows what not to give out', () => {
    const conditions = evaluateConditions({
      ...healthy,
      lostClaims: [{ cidr: '10.1.1.0/24', winner: 'node-b', why: 'node-b can be reached' }],
    });
    expect(isReady(conditions)).toBe(false);
    expect(conditions.find(({ name }) => name === 'claims')?.message).toContain('10.1.1.0/24 also belongs to node-b');
    expect(attachObstacle(conditions)).toBeNull();
  });

  it('is ready with a router that is not fully confined, and says what is missing', () => {
    const conditions = evaluateConditions({ ...healthy, unconfined: ['system call filter: seccomp failed'] });
    expect(isReady(conditions)).toBe(true);
    expect(conditions.find(({ ok }) => !ok)).toMatchObject({
      name: 'router-confinement',
      message: 'the router is not fully confined (docs/security.md): system call filter: seccomp failed',
    });
  });

  it('is ready alone: a missing peer is told, not held against the node', () => {
    expect(failed({ peersUp: 0 })).toEqual(['peers']);
    expect(isReady(evaluateConditions({ ...healthy, peersUp: 0 }))).toBe(true);
    expect(failed({ peersUp: 0, seeds: 0 })).toEqual([]);
  });

  it('gives three verdicts: one missing peer of four is a warning that names it', () => {
    expect(verdictOf(evaluateConditions(healthy))).toBe('ok');
    const facts = { peersUp: 3, peersMissing: [{ name: 'n3', cause: 'nothing heard for 6 s' }] };
    expect(messageOf('peers', facts)).toBe('no link to n3 (nothing heard for 6 s)');
    expect(verdictOf(evaluateConditions({ ...healthy, ...facts }))).toBe('warning');
    expect(verdictOf(evaluateConditions({ ...healthy, ...facts, routerConnected: false }))).toBe('notReady');
  });

  it('names five missing peers and counts the rest', () => {
    const peersMissing = Array.from({ length: 7 }, (_, i) => ({ name: `n${i}`, cause: 'left' }));
    expect(messageOf('peers', { peersMissing })).toMatch(/^no link to n0 \(left\), .*n4 \(left\), and to 2 more$/);
  });

  const messageOf = (name: string, facts: Partial<NodeFacts>) =>
    evaluateConditions({ ...healthy, ...facts }).find((condition) => condition.name === name)?.message;

  it('says what a node without a pod CIDR waits for', () => {
    const settings = { ...healthy.settings, waitingFor: 'Node worker-1, which has no podCIDRs yet' };
    expect(messageOf('pod-cidr', { podCidrs: [], settings })).toContain('it waits for Node worker-1');
    expect(messageOf('pod-cidr', { podCidrs: [] })).toContain('it waits for podCidrs in its configuration');
  });

  it('is ready while a new configuration is refused or waits for a restart, and says which', () => {
    const settings = { refused: 'file a.yaml: podCidrs: no', needsRestart: ['lanes is 1 until'], waitingFor: null };
    expect(failed({ settings })).toEqual(['configuration']);
    expect(messageOf('configuration', { settings })).toBe(
      'refused, the settings before stay in force: file a.yaml: podCidrs: no; lanes is 1 until',
    );
    expect(isReady(evaluateConditions({ ...healthy, settings }))).toBe(true);
  });

  it('is ready with an engine that is slower than need be, and says what to install', () => {
    const engine = { name: 'openssl', sealNsPerKiB: 229.6, fasterPackage: 'libipsec-mb1' };
    expect(failed({ engine })).toEqual(['sealing-speed']);
    expect(messageOf('sealing-speed', { engine })).toBe(
      'the openssl engine takes 230 ns to seal a KiB; this processor can do better: apt-get install libipsec-mb1, then ' +
        'restart meshd',
    );
    expect(isReady(evaluateConditions({ ...healthy, engine }))).toBe(true);
  });

  it('says what is to be known of the CNI configuration, without a warning', () => {
    const cniNotes = ['pods with hostPort are refused: portmap is not in /opt/cni/bin'];
    expect(messageOf('cni-configuration', { cniNotes })).toBe(cniNotes[0]);
    expect(verdictOf(evaluateConditions({ ...healthy, cniNotes }))).toBe('ok');
  });

  it('is ready with a table of the kernel that is nearly full, with a warning', () => {
    const fullTables = ['900 of at most 1024 IPv4 neighbours'];
    expect(failed({ fullTables })).toEqual(['kernel-tables']);
    expect(failed({ reversePath: 'strict' })).toEqual(['reverse-path']);
    expect(failed({ underlayDrops: 'eth0' })).toEqual(['underlay-drops']);
    expect(messageOf('kernel-tables', { fullTables })).toBe(fullTables[0]);
    expect(verdictOf(evaluateConditions({ ...healthy, fullTables }))).toBe('warning');
  });

  it('names withdrawn pod CIDRs with the number of their pods', () => {
    const withdrawn = [
      { cidr: '10.1.1.0/24', pods: 1 },
      { cidr: '10.1.2.0/24', pods: 3 },
    ];
    expect(messageOf('withdrawn-cidrs', { withdrawn })).toContain('10.1.1.0/24 (1 pod), 10.1.2.0/24 (3 pods)');
  });
});
