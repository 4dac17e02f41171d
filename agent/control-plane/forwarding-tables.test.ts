import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { RouterCommand } from '../../common/router-port.js';
import { computeTables, TablesPublisher } from './forwarding-tables.js';
import type { TablesInput } from './forwarding-tables.js';

const self = 'aa'.repeat(16) as NodeId;
const peer = 'bb'.repeat(16) as NodeId;
const v4 = parseCidr('10.1.1.0/24');
const v6 = parseCidr('fd00:1:1::/64');
const pod = parseIpAddress('10.1.1.7');

const input: TablesInput = {
  podCidrs: [v6, v4],
  pods: [pod],
  routes: [
    { cidr: v4, owner: self, usable: true },
    { cidr: parseCidr('10.1.2.0/24'), owner: peer, usable: true },
    { cidr: parseCidr('10.1.3.0/24'), owner: 'cc'.repeat(16) as NodeId, usable: false },
  ],
  self,
};

describe('computeTables', () => {
  it('routes to the peers that can be reached and to no others', () => {
    expect(computeTables(input).routes).toEqual([{ cidr: '10.1.2.0/24', peer }]);
  });

  it('takes both gateways for local addresses, before the pods', () => {
    expect(computeTables(input).localAddresses).toEqual(['fd00:1:1::1', '10.1.1.1', pod]);
  });

  it('works on a node that has no pod CIDR yet', () => {
    const tables = computeTables({ ...input, podCidrs: [], pods: [] });
    expect(tables.localCidrs).toEqual([]);
    expect(tables.localAddresses).toEqual([]);
  });
});

describe('TablesPublisher', () => {
  function harness() {
    const sent: RouterCommand[] = [];
    const state = { input, connected: true };
    const publisher = new TablesPublisher({
      compute: () => computeTables(state.input),
      send: (command) => {
        if (state.connected) sent.push(command);
        return Promise.resolve(state.connected);
      },
    });
    const connect = (generation: number, takesChanges = false) => {
      publisher.routerConnected(generation, takesChanges);
      return publisher.publish();
    };
    const generations = () => sent.map((command) => (command.type === 'tables' ? command.tables.generation : -1));
    return { state, publisher, connect, generations, sent };
  }

  it('numbers on from what a living router has already applied', () => {
    const { connect, generations } = harness();
    void connect(41);
    expect(generations()).toEqual([42]);
  });

  it('pushes only when something changed, and again to every router that connects', async () => {
    const { state, publisher, connect, generations } = harness();
    void connect(0);
    expect(await publisher.publish()).toBe(true);
    expect(generations()).toEqual([1]);
    state.input = { ...input, pods: [] };
    await publisher.publish();
    expect(generations()).toEqual([1, 2]);
    void connect(0);
    expect(generations()).toEqual([1, 2, 3]);
  });

  it('sends nothing while the router has not taken a push, and then only what is newest', async () => {
    const taken: (() => void)[] = [];
    const sent: RouterCommand[] = [];
    let pods: TablesInput['pods'] = [];
    const publisher = new TablesPublisher({
      compute: () => computeTables({ ...input, pods }),
      send: (command) => {
        sent.push(command);
        return new Promise((resolve) => taken.push(() => resolve(true)));
      },
    });
    const pushes = [[], [pod], [], [pod, pod]].map((next) => {
      pods = next;
      return publisher.publish();
    });
    expect(sent).toHaveLength(1);
    taken[0]!();
    await pushes[0];
    await Promise.resolve();
    expect(sent).toHaveLength(2);
    expect(sent[1]).toMatchObject({ tables: { generation: 2, ...computeTables({ ...input, pods }) } });
    taken[1]!();
    expect(await Promise.all(pushes)).toEqual([true, true, true, true]);
    expect(sent).toHaveLength(2);
  });

  it('sends whole tables to a router that connects, and then what has changed', async () => {
    const { state, publisher, connect, sent } = harness();
    void connect(7, true);
    expect(sent).toMatchObject([{ type: 'tables', tables: { generation: 8 } }]);
    const added = { cidr: parseCidr('10.1.4.0/24'), owner: peer, usable: true };
    state.input = { ...input, routes: [...input.routes.slice(0, 1), added] };
    await publisher.publish();
    const routes = [{ cidr: '10.1.4.0/24', peer }];
    const change = { base: 8, generation: 9, localAddresses: null, removed: ['10.1.2.0/24'], routes };
    expect(sent[1]).toEqual({ type: 'tablesChange', change });
    state.input = { ...state.input, pods: [] };
    await publisher.publish();
    const localAddresses = ['fd00:1:1::1', '10.1.1.1'];
    expect(sent[2]).toEqual({
      type: 'tablesChange',
      change: { base: 9, generation: 10, localAddresses, removed: [], routes: [] },
    });
    await publisher.publish();
    expect(sent).toHaveLength(3);
    void connect(10, true);
    expect(sent[3]).toMatchObject({ type: 'tables', tables: { generation: 11 } });
  });

  it('sends whole tables when the CIDRs of this node change, and to a router that takes no changes', async () => {
    const { state, publisher, connect, sent } = harness();
    void connect(0, true);
    state.input = { ...input, podCidrs: [v4] };
    await publisher.publish();
    void connect(2);
    state.input = { ...input, pods: [] };
    await publisher.publish();
    expect(sent.map(({ type }) => type)).toEqual(['tables', 'tables', 'tables', 'tables']);
  });

  it('sends the routes of a peer again that the router was told to forget', async () => {
    const { publisher, connect, sent } = harness();
    void connect(0, true);
    publisher.peerRemoved(peer);
    await publisher.publish();
    const routes = [{ cidr: '10.1.2.0/24', peer }];
    expect(sent[1]).toMatchObject({ type: 'tablesChange', change: { removed: [], routes } });
  });

  it('says that nothing was delivered while there is no router', async () => {
    const { state, publisher, connect } = harness();
    state.connected = false;
    expect(await publisher.publish()).toBe(false);
    expect(await publisher.publish()).toBe(false);
    state.connected = true;
    expect(await connect(0)).toBe(true);
    expect(await publisher.publish()).toBe(true);
  });
});
