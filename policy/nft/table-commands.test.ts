import { describe, expect, it } from '@jest/globals';
import { Cluster, parseClusterPolicy, parseNamespace, parseNetworkPolicy, parsePod, PolicyCompiler } from '../index.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { asInstalled } from './installed-table.js';
import { tableCommands } from './table-commands.js';

type Command = Record<'add' | 'delete', Record<string, { name: string; elem?: unknown }> | undefined>;

function podObject(name: string, ip: string, app: string) {
  return {
    metadata: { namespace: 'red', name, labels: { app } },
    spec: {},
    status: { phase: 'Running', podIPs: [{ ip }] },
  };
}

/** Pod `a` of this node, whose ingress is from pods of application `x`. */
function compiler(): PolicyCompiler {
  const made = new PolicyCompiler(new Cluster());
  const from = [{ podSelector: { matchLabels: { app: 'x' } } }];
  made.putPolicy(
    parseNetworkPolicy({ metadata: { namespace: 'red', name: 'p' }, spec: { podSelector: {}, ingress: [{ from }] } }),
  );
  made.putPod(parsePod(podObject('a', '10.0.0.1', 'x')));
  made.putPod(parsePod(podObject('b', '10.0.0.2', 'y')));
  made.setLocalPods([{ pod: { namespace: 'red', name: 'a', uid: null }, ips: [parseIpAddress('10.0.0.1')] }]);
  return made;
}

function commandsOf(text: string | null): Command[] {
  return text === null ? [] : (JSON.parse(text) as { nftables: Command[] }).nftables;
}

describe('the commands for the table of policies', () => {
  it('are one element when the labels of one pod change', () => {
    const made = compiler();
    const installed = asInstalled(made.compile());
    expect(tableCommands({ wanted: made.compile(), installed, onlyAdd: false })).toBeNull();
    made.putPod(parsePod(podObject('b', '10.0.0.2', 'x')));
    const commands = commandsOf(tableCommands({ wanted: made.compile(), installed, onlyAdd: false }));
    expect(commands).toEqual([
      { add: { element: expect.objectContaining({ table: 'heddle-policy', elem: ['10.0.0.2'] }) } },
    ]);
  });

  it('put new chains before the elements that lead to them, and remove old ones after', () => {
    const made = compiler();
    const installed = asInstalled(made.compile());
    made.putPolicy(
      parseNetworkPolicy({ metadata: { namespace: 'red', name: 'p' }, spec: { podSelector: {}, ingress: [] } }),
    );
    const commands = commandsOf(tableCommands({ wanted: made.compile(), installed, onlyAdd: false }));
    const order = commands.map(
      ({ add, delete: gone }) => `${add === undefined ? '-' : '+'}${Object.keys(add ?? gone!)[0]}`,
    );
    expect(order).toEqual(['+chain', '+rule', '+rule', '+rule', '-element', '+element', '-chain', '-set']);
  });

  it('remove a chain that leads to another before that one', () => {
    const made = compiler();
    const every = { namespaces: { matchLabels: {} } };
    made.putNamespace(parseNamespace({ metadata: { name: 'red' } }));
    made.putClusterPolicy(
      parseClusterPolicy({
        metadata: { name: 'c' },
        spec: { tier: 'Admin', priority: 0, subject: every, ingress: [{ action: 'Pass', from: [every] }] },
      }),
    );
    const installed = asInstalled(made.compile());
    made.removeClusterPolicy('c');
    made.putPolicy(
      parseNetworkPolicy({ metadata: { namespace: 'red', name: 'p' }, spec: { podSelector: {}, ingress: [] } }),
    );
    const commands = commandsOf(tableCommands({ wanted: made.compile(), installed, onlyAdd: false }));
    const gone = commands.flatMap((command) => (command.delete?.['chain'] as { name: string } | undefined)?.name ?? []);
    expect(gone.map((name) => name.slice(0, name.lastIndexOf('-')))).toEqual(['before-ingress4', 'ingress4']);
  });

  it('take nothing away while not everything is known', () => {
    const installed = asInstalled(compiler().compile());
    const fresh = new PolicyCompiler(new Cluster());
    expect(tableCommands({ wanted: fresh.compile(), installed, onlyAdd: true })).toBeNull();
    fresh.setLocalPods([{ pod: { namespace: 'red', name: 'new', uid: 'u' }, ips: [parseIpAddress('10.0.0.9')] }]);
    const commands = commandsOf(tableCommands({ wanted: fresh.compile(), installed, onlyAdd: true }));
    expect(commands.filter((command) => command.delete !== undefined)).toEqual([]);
    expect(commands.filter(({ add }) => add?.['element'] !== undefined)).toHaveLength(3);
  });

  it('remove the table with the last isolated pod, and do nothing without one', () => {
    const made = compiler();
    const installed = asInstalled(made.compile());
    made.removePolicy('red', 'p');
    const commands = commandsOf(tableCommands({ wanted: made.compile(), installed, onlyAdd: false }));
    expect(commands.map((command) => Object.keys(command.add ?? command.delete!))).toEqual([['table'], ['table']]);
    expect(tableCommands({ wanted: made.compile(), installed: 'absent', onlyAdd: false })).toBeNull();
  });
});
