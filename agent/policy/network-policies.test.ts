import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EndpointRecord } from '../../cni/index.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { silentLogger } from '../../common/log.js';
import { NoticeLog } from '../../common/notice-log.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { readInstalled, tableCommands } from '../../policy/index.js';
import { compilerOf } from '../../policy/testing/agreement.js';
import { Dice } from '../../policy/testing/random-cluster.js';
import type { ObjectHandlers } from './cluster-objects.js';
import { NetworkPolicies } from './network-policies.js';
import type { NetworkPoliciesDeps } from './network-policies.js';
import { PolicySwitch } from './policy-switch.js';
import { EventStream } from './testing/event-stream.js';
import { FakeNft } from './testing/fake-nft.js';
import { FakePacketLog } from './testing/fake-packet-log.js';

const DENY = { metadata: { namespace: 'red', name: 'deny' }, spec: { podSelector: {} } };
const DENY_ALL = {
  metadata: { name: 'all' },
  spec: {
    tier: 'Admin',
    priority: 1,
    subject: { namespaces: {} },
    ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }],
  },
};
const GREEN = { matchLabels: { team: 'green' } };
const RED = { metadata: { name: 'red' } };
const PATHS = {
  namespaces: '/api/v1/namespaces',
  pods: '/api/v1/pods',
  policies: '/apis/networking.k8s.io/v1/networkpolicies',
  clusterPolicies: '/apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies',
};

function podObject(name: string, uid = `uid-${name}`) {
  return {
    metadata: { namespace: 'red', name, uid, labels: {} },
    spec: { containers: [] },
    status: { phase: 'Pending' },
  };
}

function endpoint(name: string, ip: string, podUid = `uid-${name}`): EndpointRecord {
  return { podNamespace: 'red', podName: name, podUid, ips: [parseIpAddress(ip)] } as unknown as EndpointRecord;
}

/** A node whose API server is the test. */
function node({ nft = new FakeNft(), disk = new CrashingDisk(() => 1), endpoints = [] as EndpointRecord[] } = {}) {
  const clock = new VirtualClock();
  const api = new Map<string, ObjectHandlers>();
  /** What a list by ADD is answered. */
  const now = new Map<string, Promise<unknown[]>>();
  let stopped = 0;
  const deps: NetworkPoliciesDeps = {
    watch: (path, handlers) => {
      api.set(path, handlers);
      return {
        listIn: () => now.get(path) ?? Promise.resolve([]),
        stop: () => Promise.resolve(void stopped++),
      };
    },
    endpoints: () => endpoints,
    stateDir: '/state',
    commands: nft,
    disk,
    clock,
    openDropLog: () => new FakePacketLog(),
    notices: new NoticeLog(silentLogger(), clock),
  };
  const policies = new NetworkPolicies(deps);
  const of = (kind: keyof typeof PATHS) => api.get(PATHS[kind])!;
  const list = (pods: unknown[], all: unknown[]) => {
    of('clusterPolicies').onList([]);
    of('namespaces').onList([RED]);
    of('pods').onList(pods);
    of('policies').onList(all);
  };
  const isolated = () => nft.elements('ingress4').map((element) => (element as [string])[0]);
  return { policies, deps, now, clock, nft, disk, endpoints, of, list, isolated, stopped: () => stopped };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('network policies of a node', () => {
  it('are in force when the API server has told of all, without a table where nothing is isolated', async () => {
    const { policies, list, of, nft, isolated } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    list([podObject('a')], []);
    await policies.keeper.settled();
    expect(nft.transactions).toEqual([]);
    of('policies').onPut(DENY);
    await policies.keeper.settled();
    expect(isolated()).toEqual(['10.0.0.1']);
    of('policies').onDelete(DENY);
    await policies.keeper.settled();
    expect(isolated()).toEqual([]);
  });

  it('leave the pods of before the start as they are until all is known', async () => {
    const first = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await first.policies.start();
    first.list([podObject('a')], [DENY]);
    await first.policies.keeper.settled();
    const { policies, list, isolated, endpoints } = node({
      nft: first.nft,
      endpoints: [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2')],
    });
    await policies.start();
    expect(isolated()).toEqual(['10.0.0.1']);
    endpoints.push(endpoint('c', '10.0.0.3'));
    void policies.keeper.podsChanged();
    await policies.keeper.settled();
    expect(isolated()).toEqual(['10.0.0.1', '10.0.0.3']);
    list([podObject('a'), podObject('b'), podObject('c')], []);
    await policies.keeper.settled();
    expect(isolated()).toEqual([]);
  });

  it('leave a damaged table as it is until all is known, since it may isolate pods that are not known yet', async () => {
    const first = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await first.policies.start();
    first.list([podObject('a')], [DENY]);
    await first.policies.keeper.settled();
    first.nft.removeRules('related');
    const { policies, list, isolated, endpoints } = node({ nft: first.nft, endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    endpoints.push(endpoint('b', '10.0.0.2'));
    await expect(policies.keeper.podsChanged()).rejects.toThrow('its table is damaged');
    expect(isolated()).toEqual(['10.0.0.1']);
    list([podObject('a'), podObject('b')], [DENY]);
    await policies.keeper.settled();
    expect([policies.keeper.problem, isolated()]).toEqual([null, ['10.0.0.1', '10.0.0.2']]);
  });

  it('are in force from disk at the start, while the API server is away', async () => {
    const first = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await first.policies.start();
    first.list([podObject('a')], [DENY]);
    await first.policies.stop();
    const { policies, isolated } = node({ disk: first.disk, endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    expect(isolated()).toEqual(['10.0.0.1']);
  });

  it('are those of a list after a watch that missed events, and keep an object that cannot be read any more', async () => {
    const { policies, list, of, isolated } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    list([podObject('a'), podObject('gone')], [DENY]);
    of('policies').onList([{ ...DENY, spec: { ingress: 'all' } }]);
    of('pods').onPut({ metadata: { namespace: 'red', name: 'a' } });
    of('pods').onPut('no pod');
    of('pods').onList([podObject('a')]);
    await policies.keeper.settled();
    expect([...policies.compiler.cluster.pods()].map(({ name }) => name)).toEqual(['a']);
    expect(isolated()).toEqual(['10.0.0.1']);
    of('policies').onList([]);
    await policies.keeper.settled();
    expect(isolated()).toEqual([]);
  });
});

describe('cluster-wide policies that the node may not read', () => {
  const allowFromAll = { ...DENY, spec: { podSelector: {}, ingress: [{}] } };
  const REFUSED = 'clusternetworkpolicies is forbidden';

  it('leave NetworkPolicies in force, and deny what none of these decides', async () => {
    const { policies, of, isolated, disk, nft } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    of('namespaces').onList([RED]);
    of('pods').onList([podObject('a')]);
    of('policies').onList([]);
    of('clusterPolicies').onForbidden(REFUSED);
    await policies.keeper.settled();
    expect(isolated()).toEqual(['10.0.0.1']);
    expect(policies.warning).toContain(REFUSED);
    expect(policies.warning).toContain('kubectl patch clusterrole heddle');
    of('policies').onPut(allowFromAll);
    await policies.keeper.settled();
    expect(isolated()).toEqual([]);
    of('policies').onList([]);
    await policies.stop();
    // They are not known after a restart either.
    const next = node({ disk, nft, endpoints: [endpoint('a', '10.0.0.1')] });
    await next.policies.start();
    expect(next.isolated()).toEqual(['10.0.0.1']);
    next.of('clusterPolicies').onList([]);
    await next.policies.keeper.settled();
    expect([next.isolated(), next.policies.warning]).toEqual([[], '']);
  });

  it('are those of the last list, also after a restart', async () => {
    const first = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await first.policies.start();
    first.list([podObject('a')], []);
    first.of('clusterPolicies').onPut(DENY_ALL);
    first.of('clusterPolicies').onForbidden(REFUSED);
    await first.policies.keeper.settled();
    const names = ({ policies }: typeof first) =>
      [...policies.compiler.cluster.clusterPolicies()].map(({ name }) => name);
    expect([first.isolated(), names(first)]).toEqual([['10.0.0.1'], ['all']]);
    await first.policies.stop();
    const next = node({ disk: first.disk });
    await next.policies.start();
    next.of('clusterPolicies').onForbidden(REFUSED);
    expect(names(next)).toEqual(['all']);
  });
});

describe('a pod that is attached', () => {
  it('is isolated by a policy that the watch has not told of yet, and by no older state of it that comes late', async () => {
    const { policies, list, of, isolated, now } = node();
    const version = (resourceVersion: string, spec: object = { podSelector: {} }) => ({
      metadata: { ...DENY.metadata, resourceVersion },
      spec,
    });
    await policies.start();
    list([podObject('a')], []);
    now.set(PATHS.policies, Promise.resolve([version('9')]));
    await policies.admit(endpoint('a', '10.0.0.1'));
    expect(isolated()).toEqual(['10.0.0.1']);
    of('policies').onPut(version('8', { podSelector: GREEN }));
    of('policies').onDelete(version('8'));
    await policies.keeper.applied();
    expect(isolated()).toEqual(['10.0.0.1']);
    of('policies').onDelete(version('10'));
    (await policies.admit(endpoint('b', '10.0.0.2')))();
    await policies.keeper.applied();
    expect(isolated()).toEqual([]);
  });

  it('is denied while the API server does not answer what its policies are, and waits 2 s for it in all', async () => {
    const { policies, list, isolated, now, endpoints, clock } = node();
    await policies.start();
    list([podObject('a')], []);
    let answer: (listed: unknown[]) => void = () => undefined;
    now.set(PATHS.policies, new Promise((resolve) => (answer = resolve)));
    const admitted = policies.admit(endpoint('a', '10.0.0.1'));
    await settle();
    clock.advance(2_000);
    await admitted;
    expect(isolated()).toEqual(['10.0.0.1']);
    endpoints.push(endpoint('a', '10.0.0.1'));
    const attached = policies.keeper.podsChanged();
    await settle();
    clock.advance(0);
    await attached;
    answer([]);
    await settle();
    await policies.keeper.applied();
    expect(isolated()).toEqual([]);
  });

  it('has its verdict in the kernel before it has an interface, and none when its ADD failed', async () => {
    const { policies, list, isolated, nft, endpoints } = node();
    await policies.start();
    list([podObject('a'), podObject('b')], [DENY]);
    const endAdmission = await policies.admit(endpoint('a', '10.0.0.1'));
    expect(isolated()).toEqual(['10.0.0.1']);
    endpoints.push(endpoint('a', '10.0.0.1'));
    await policies.keeper.podsChanged();
    endAdmission();
    (await policies.admit(endpoint('b', '10.0.0.2')))();
    await policies.keeper.podsChanged();
    expect(isolated()).toEqual(['10.0.0.1']);
    nft.failure = 'Operation not permitted';
    await expect(policies.admit(endpoint('b', '10.0.0.2'))).rejects.toThrow('Operation not permitted');
  });

  it('waits for the API server to tell of it, and is open or isolated as its policies say', async () => {
    const { policies, list, of, isolated, endpoints } = node();
    await policies.start();
    list([podObject('a', 'uid-before')], []);
    endpoints.push(endpoint('a', '10.0.0.1'));
    let isAttached = false;
    const attached = policies.keeper.podsChanged().then(() => (isAttached = true));
    await settle();
    expect([isAttached, isolated()]).toEqual([false, ['10.0.0.1']]);
    of('pods').onPut(podObject('a'));
    await attached;
    expect(isolated()).toEqual([]);
  });

  it.each(['namespaces', 'policies', 'clusterPolicies'] as const)(
    'is denied until all %s of the cluster are known, whatever else is',
    async (missing) => {
      const { policies, of, isolated, endpoints, clock } = node();
      const lists = { namespaces: [RED], pods: [podObject('a')], policies: [], clusterPolicies: [] };
      await policies.start();
      for (const kind of Object.keys(PATHS) as (keyof typeof PATHS)[])
        if (kind !== missing) of(kind).onList(lists[kind]);
      endpoints.push(endpoint('a', '10.0.0.1'));
      const attached = policies.keeper.podsChanged();
      await settle();
      expect(isolated()).toEqual(['10.0.0.1']);
      clock.advance(2_000);
      await attached;
      of(missing).onList(missing === 'namespaces' ? [RED] : []);
      await policies.keeper.settled();
      expect(isolated()).toEqual([]);
    },
  );

  it('is denied until the API server has told of its namespace, where cluster-wide policies select by namespaces', async () => {
    const { policies, list, of, isolated, endpoints } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    list([podObject('a')], []);
    of('namespaces').onDelete(RED);
    await policies.keeper.settled();
    expect([isolated(), endpoints.length]).toEqual([[], 1]);
    of('clusterPolicies').onPut({ ...DENY_ALL, spec: { ...DENY_ALL.spec, subject: { namespaces: GREEN } } });
    await policies.keeper.settled();
    expect(isolated()).toEqual(['10.0.0.1']);
    of('namespaces').onPut(RED);
    await policies.keeper.settled();
    expect(isolated()).toEqual([]);
  });

  it('starts denied after 2 s, and is opened when it is known', async () => {
    const { policies, list, of, isolated, endpoints, clock } = node();
    await policies.start();
    list([], []);
    endpoints.push(endpoint('a', '10.0.0.1'));
    const attached = policies.keeper.podsChanged();
    await settle();
    clock.advance(2_000);
    await attached;
    expect(isolated()).toEqual(['10.0.0.1']);
    await policies.keeper.podsChanged();
    of('pods').onPut(podObject('a'));
    await policies.keeper.settled();
    expect(isolated()).toEqual([]);
  });

  it('is refused while its verdict cannot be written, which is tried again', async () => {
    const { policies, list, nft, isolated, endpoints, clock } = node();
    await policies.start();
    list([podObject('a')], [DENY]);
    nft.failure = 'Operation not permitted';
    endpoints.push(endpoint('a', '10.0.0.1'));
    await expect(policies.keeper.podsChanged()).rejects.toThrow('Operation not permitted');
    nft.failure = null;
    clock.advance(2_000);
    await policies.keeper.settled();
    expect([isolated(), policies.keeper.problem]).toEqual([['10.0.0.1'], null]);
  });
});

describe('the setting networkPolicies', () => {
  function switchable(isWanted: boolean) {
    const parts = node({ endpoints: [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2')] });
    const setting = { isWanted };
    const policies = new PolicySwitch({
      ...{ ...parts.deps, watchObjects: parts.deps.watch },
      isWanted: () => setting.isWanted,
      onSwitched: () => undefined,
    });
    const set = (wanted: boolean): Promise<void> => {
      setting.isWanted = wanted;
      return policies.settingsChanged();
    };
    const record = () => parts.disk.read('/state/policies.json');
    return { ...parts, switch: policies, set, record };
  }

  it('takes table, watches and record away, and denies everything at its return until all is known', async () => {
    const { switch: policies, set, record, list, isolated, nft, stopped } = switchable(true);
    await policies.start();
    list([podObject('a'), podObject('b')], [DENY]);
    await settle();
    expect([policies.state, isolated()]).toEqual(['kept', ['10.0.0.1', '10.0.0.2']]);
    await set(false);
    expect([policies.state, policies.answers, nft.isEmpty, await record()]).toEqual(['off', null, true, null]);
    expect(stopped()).toBe(4);
    await policies.podsChanged();
    await set(true);
    expect([policies.state, isolated()]).toEqual(['waiting', ['10.0.0.1', '10.0.0.2']]);
    list([podObject('a'), podObject('b')], []);
    await settle();
    expect([policies.state, isolated()]).toEqual(['kept', []]);
    await policies.stop();
  });

  it('isolates with its first transaction at its return, and with each after that', async () => {
    const { switch: policies, set, list, nft, isolated } = switchable(false);
    await policies.start();
    const seen: number[] = [];
    nft.onWritten = () => seen.push(isolated().length);
    await set(true);
    list([podObject('a'), podObject('b')], [DENY]);
    await settle();
    expect([policies.state, seen.length > 1, new Set(seen)]).toEqual(['kept', true, new Set([2])]);
  });

  it('takes a table of before away at the start, and tries again while nft fails', async () => {
    const { switch: policies, list, set, nft, clock, isolated } = switchable(true);
    await policies.start();
    list([podObject('a'), podObject('b')], [DENY]);
    await settle();
    nft.failure = 'Operation not permitted';
    await set(false);
    expect(policies.withProblems([])).toEqual([
      { part: 'network policies', message: expect.stringContaining('not permitted') },
    ]);
    expect(isolated()).toHaveLength(2);
    nft.failure = null;
    clock.advance(2_000);
    await settle();
    expect([nft.isEmpty, policies.withProblems([]), policies.state]).toEqual([true, [], 'off']);
  });
});

describe('the table of policies', () => {
  it('is compared with the kernel every 30 s, and mended', async () => {
    const { policies, list, nft, isolated, clock } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    list([podObject('a')], [DENY]);
    await policies.keeper.settled();
    const before = nft.transactions.length;
    clock.advance(30_000);
    await policies.keeper.settled();
    expect(nft.transactions).toHaveLength(before);
    nft.removeElements('ingress4');
    clock.advance(30_000);
    await policies.keeper.settled();
    expect([isolated(), policies.keeper.repairs]).toEqual([['10.0.0.1'], 1]);
  });

  it('is not taken as absent when it cannot be listed: pods of before keep their isolation', async () => {
    const first = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await first.policies.start();
    first.list([podObject('a')], [DENY]);
    await first.policies.keeper.settled();
    first.nft.listFailure = 'killed by SIGKILL';
    const { policies, isolated, endpoints, clock } = node({ nft: first.nft, endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    endpoints.push(endpoint('b', '10.0.0.2'));
    await expect(policies.keeper.podsChanged()).rejects.toThrow('killed by SIGKILL');
    expect(isolated()).toEqual(['10.0.0.1']);
    first.nft.listFailure = null;
    clock.advance(2_000);
    await policies.keeper.settled();
    expect([policies.problem, isolated()]).toEqual([null, ['10.0.0.1', '10.0.0.2']]);
  });

  it('is written anew when a change of it fails, as with content of others in the way', async () => {
    const { policies, list, of, nft, isolated, clock } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    list([podObject('a')], [DENY]);
    await policies.keeper.settled();
    nft.differenceFailure = 'File exists';
    of('policies').onPut({
      ...DENY,
      metadata: { namespace: 'red', name: 'other' },
      spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.9.0.0/16' } }] }] },
    });
    await policies.keeper.settled();
    expect([policies.problem, isolated()]).toEqual([expect.stringContaining('File exists'), ['10.0.0.1']]);
    clock.advance(2_000);
    await policies.keeper.settled();
    expect([policies.problem, isolated()]).toEqual([null, ['10.0.0.1']]);
  });

  it('is changed by one transaction at a time in a storm of label changes, and ADD does not wait for its end', async () => {
    const { policies, list, of, nft, isolated, endpoints } = node({ endpoints: [endpoint('a', '10.0.0.1')] });
    await policies.start();
    list([podObject('a')], [{ ...DENY, spec: { podSelector: { matchLabels: { isolated: 'yes' } } } }]);
    await policies.keeper.settled();
    const labelled = (isolatedLabel: string) => ({
      ...podObject('a'),
      metadata: { ...podObject('a').metadata, labels: { isolated: isolatedLabel } },
    });
    endpoints.push(endpoint('b', '10.0.0.2'));
    of('pods').onPut(podObject('b'));
    const before = nft.transactions.length;
    let isAttached = false;
    let changes = 0;
    for (let write = 0; write < 20; write++) {
      let open: () => void = () => undefined;
      nft.gate = new Promise((resolve) => (open = resolve));
      for (let i = 0; i < 100; i++) of('pods').onPut(labelled(++changes % 2 === 0 ? 'yes' : 'no'));
      if (write === 1) void policies.keeper.podsChanged().then(() => (isAttached = true));
      of('pods').onPut(labelled(write % 2 === 0 ? 'yes' : 'no'));
      await settle();
      open();
      await settle();
    }
    expect([isAttached, nft.mostAtOnce]).toEqual([true, 1]);
    of('pods').onPut(labelled('yes'));
    await policies.keeper.settled();
    expect(nft.transactions.length - before).toBeLessThanOrEqual(2 * 20 + 1);
    expect(isolated()).toEqual(['10.0.0.1']);
  });

  it('is that of the last objects after any sequence of events that were missed, doubled or late, and a list', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const dice = new Dice(seed);
        const events = new EventStream(dice);
        const { policies, of, nft } = node({ endpoints: events.endpoints });
        await policies.start();
        for (const kind of events.kinds) of(kind).onList(events.list(kind));
        for (let i = 0; i < 12; i++) {
          const { kind, event, object } = events.next();
          if (event === 'list') of(kind).onList(events.list(kind));
          else of(kind)[event](object);
          if (dice.oneIn(3)) await settle();
        }
        for (const kind of events.kinds) of(kind).onList(events.list(kind));
        await policies.keeper.settled();
        expect([seed, policies.problem]).toEqual([seed, null]);
        const wanted = compilerOf(events.objects).compile();
        const found = nft.isEmpty ? 'absent' : readInstalled(JSON.parse(await nft.run('nft', ['list'])), wanted);
        expect([seed, tableCommands({ wanted, installed: found, onlyAdd: false })]).toEqual([seed, null]);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('tells how much work it was, and how large it is', async () => {
    const { policies, list, nft } = node({ endpoints: [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2')] });
    await policies.start();
    list([podObject('a'), podObject('b')], []);
    await policies.keeper.settled();
    expect([policies.counters, policies.answers.elements]).toEqual([expect.objectContaining({ policy_updates: 0 }), 0]);
    list([podObject('a'), podObject('b')], [DENY]);
    await policies.keeper.settled();
    expect(policies.counters['policy_updates']).toBe(nft.transactions.length);
    // For each pod its verdict, and its pair with itself.
    expect(policies.answers.elements).toBe(4);
  });
});
