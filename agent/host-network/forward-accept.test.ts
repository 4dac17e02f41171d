import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { acceptRuleRemovals, forwardAcceptPart } from './forward-accept.js';
import { HostView } from './host-plan.js';
import { SettingsRecord } from './settings-record.js';
import { HOST_SPEC } from './testing/host-spec.js';

const spec = HOST_SPEC;

interface Host {
  readonly chains?: readonly object[];
  /** Rules by `family table chain`. */
  readonly rules?: Readonly<Record<string, readonly object[]>>;
  readonly legacy?: string;
}

function commandsOf({ chains = [], rules = {}, legacy }: Host) {
  const run = (program: string, args: readonly string[]): string => {
    const line = [program, ...args].join(' ');
    const list = (kind: string, entries: readonly object[]) =>
      JSON.stringify({ nftables: entries.map((entry) => ({ [kind]: entry })) });
    if (line === 'nft -j list chains') return list('chain', chains);
    if (line.startsWith('nft -j list chain ')) return list('rule', rules[args.slice(-3).join(' ')] ?? []);
    if (line === 'cat /proc/net/ip_tables_names' && legacy !== undefined) return 'filter\n';
    if (line === 'iptables-legacy --version') return 'iptables v1.8.9 (legacy)\n';
    if (line === 'iptables-legacy -w 5 -S') return legacy ?? '';
    throw new CommandError(line, 1, 'No such file or directory');
  };
  return {
    run: (program: string, args: readonly string[]) => new Promise<string>((resolve) => resolve(run(program, args))),
  };
}

const repairsOn = async (host: Host) =>
  forwardAcceptPart.plan(spec, new HostView(commandsOf(host), new SettingsRecord(new CrashingDisk(() => 0), '/s')));
const linesOn = async (host: Host) =>
  (await repairsOn(host)).map(({ program, args, input }) => input?.trim().split('\n') ?? [program, ...args].join(' '));

const base = (family: string, table: string, policy: string, more = {}) => ({
  ...{ family, table, name: 'FORWARD', type: 'filter', hook: 'forward', policy },
  ...more,
});
const rule = (handle: number, expr: readonly object[], comment?: string) => ({ handle, expr, comment });
const ours = (from: number) => [
  rule(from, [{ match: {} }, { accept: null }], 'heddle: from heddle0'),
  rule(from + 1, [{ match: {} }, { accept: null }], 'heddle: to 10.1.0.0/16'),
];
const DROPPING = base('ip', 'filter', 'drop');
const NAME = 'ip filter FORWARD';
const ADDED = [
  `add rule ${NAME} iifname "heddle0" counter accept comment "heddle: from heddle0"`,
  `add rule ${NAME} ip daddr 10.1.0.0/16 counter accept comment "heddle: to 10.1.0.0/16"`,
];

describe('accept rules in chains of others', () => {
  it('are added behind their rules where the policy drops', async () => {
    const docker = rule(7, [{ match: {} }, { jump: { target: 'DOCKER' } }]);
    expect(await linesOn({ chains: [DROPPING], rules: { [NAME]: [docker] } })).toEqual([ADDED]);
  });

  it('are for both families in a chain of both', async () => {
    const [lines] = await linesOn({ chains: [base('inet', 'fw', 'drop')] });
    expect(lines).toHaveLength(3);
    expect(lines![2]).toContain('ip6 daddr fd00:1::/48 counter accept');
  });

  it('are not added where nothing drops all, at another hook, or in a chain for NAT', async () => {
    const chains = [
      base('ip', 'kube-proxy', 'accept'),
      base('ip', 'a', 'drop', { hook: 'input' }),
      base('ip', 'b', 'drop', { type: 'nat' }),
      base('bridge', 'c', 'drop'),
    ];
    expect(await linesOn({ chains })).toEqual([]);
  });

  it('are left as they are when they are in place', async () => {
    const rules = { [NAME]: [rule(3, [{ match: {} }, { drop: null }]), ...ours(4)] };
    expect(await linesOn({ chains: [DROPPING], rules })).toEqual([]);
  });

  it('are moved before a rule that somebody added and that rejects the rest', async () => {
    const reject = rule(9, [{ counter: {} }, { xt: { type: 'target', name: 'REJECT' } }]);
    const [lines] = await linesOn({
      chains: [base('ip', 'filter', 'accept')],
      rules: { [NAME]: [reject, ...ours(10)] },
    });
    expect(lines).toEqual([
      `delete rule ${NAME} handle 10`,
      `delete rule ${NAME} handle 11`,
      ...ADDED.map((line) => line.replace(`add rule ${NAME}`, `insert rule ${NAME} handle 9`)),
    ]);
  });

  it('are removed when the chain no longer drops', async () => {
    const [lines] = await linesOn({ chains: [base('ip', 'filter', 'accept')], rules: { [NAME]: ours(4) } });
    expect(lines).toEqual([`delete rule ${NAME} handle 4`, `delete rule ${NAME} handle 5`]);
  });

  it('are looked for behind jumps', async () => {
    const rules = {
      [NAME]: [rule(3, [{ jump: { target: 'last' } }])],
      'ip filter last': [rule(5, [{ reject: null }])],
    };
    const [lines] = await linesOn({ chains: [base('ip', 'filter', 'accept')], rules });
    expect(lines![0]).toContain('handle 3 iifname');
  });

  it('come with the line to type for a table that belongs to another program, unless that has a rule for the bridge', async () => {
    const chains = [base('inet', 'firewalld', 'drop')];
    const [refused] = await repairsOn({ chains });
    expect(refused).toMatchObject({ optional: false, advice: expect.stringContaining('firewall-cmd') });
    const match = { left: { meta: { key: 'iifname' } }, op: '==', right: 'heddle0' };
    const rules = { 'inet firewalld FORWARD': [rule(2, [{ match }, { accept: null }])] };
    expect((await repairsOn({ chains, rules }))[0]).toMatchObject({ optional: true });
  });
});

describe('accept rules in the chain of legacy iptables', () => {
  const OURS = [
    '-A FORWARD -i heddle0 -m comment --comment "heddle: from heddle0" -j ACCEPT',
    '-A FORWARD -d 10.1.0.0/16 -m comment --comment "heddle: to 10.1.0.0/16" -j ACCEPT',
  ];

  it('are put before the rule that drops the rest', async () => {
    const legacy = ['-P FORWARD ACCEPT', '-A FORWARD -i eth0 -j ACCEPT', '-A FORWARD -j DROP'].join('\n');
    expect(await linesOn({ legacy })).toEqual([
      'iptables-legacy -w 5 -I FORWARD 2 -i heddle0 -m comment --comment heddle: from heddle0 -j ACCEPT',
      'iptables-legacy -w 5 -I FORWARD 3 -d 10.1.0.0/16 -m comment --comment heddle: to 10.1.0.0/16 -j ACCEPT',
    ]);
  });

  it('are left as they are when they are in place', async () => {
    const legacy = ['-P FORWARD DROP', '-A FORWARD -j LOG', ...OURS].join('\n');
    expect(await linesOn({ legacy })).toEqual([]);
  });

  it('are found for removal, those of others not', async () => {
    const legacy = ['-P FORWARD ACCEPT', '-A FORWARD -i eth0 -j ACCEPT', ...OURS].join('\n');
    const found = await acceptRuleRemovals(commandsOf({ legacy, chains: [DROPPING], rules: { [NAME]: ours(4) } }));
    expect(found.map(({ label }) => label)).toEqual([
      'rule "heddle: from heddle0" of ip filter FORWARD',
      'rule "heddle: to 10.1.0.0/16" of ip filter FORWARD',
      'rule "heddle: from heddle0" of iptables-legacy FORWARD',
      'rule "heddle: to 10.1.0.0/16" of iptables-legacy FORWARD',
    ]);
    expect(found[2]!.removal.args.slice(0, 7)).toEqual(['-w', '5', '-D', 'FORWARD', '-i', 'heddle0', '-m']);
  });
});
