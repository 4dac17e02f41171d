import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { RouterCommand } from '../../common/router-port.js';
import { bridgeMac, computeTables, TablesPublisher } from './forwarding-tables.js';
import type { TablesInput } from './forwarding-tables.js';

const self = 'aa'.repeat(16) as NodeId;
const peer = 'bb'.repeat(16) as NodeId;
const v4 = parseCidr('10.1.1.0/24');
const v6 = parseCidr('fd00:1:1::/64');
const pod = { ip: parseIpAddress('10.1.1.7'), mac: parseMacAddress('0a:58:0a:01:01:07') };

const input: TablesInput = {
  clusterCidrs: [parseCidr('10.1.0.0/16'), parseCidr('fd00:1::/48')],
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

  it('makes both gateways endpoints with the one MAC of the bridge, before the pods', () => {
    const mac = '0a:5a:aa:aa:aa:aa';
    expect(computeTables(input).endpoints).toEqual([{ ip: 'fd00:1:1::1', mac }, { ip: '10.1.1.1', mac }, pod]);
  });

  it('works on a node that has no pod CIDR yet', () => {
    const tables = computeTables({ ...input, podCidrs: [], pods: [] });
    expect(tables.localCidrs).toEqual([]);
    expect(tables.endpoints).toEqual([]);
  });
});

describe('bridgeMac', () => {
  it('follows from the node’s id alone', () => {
    expect(bridgeMac('0123456789abcdef0123456789abcdef' as NodeId)).toBe('0a:5a:01:23:45:67');
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
    const connect = (generation: number) => {
      publisher.routerConnected(generation);
      return publisher.publish();
    };
    const generations = () => sent.map((command) => (command.type === 'tables' ? command.tables.generation : -1));
    return { state, publisher, connect, generations };
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
