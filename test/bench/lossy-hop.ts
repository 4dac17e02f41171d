/**
 * Switch on the underlay that can lose packets, in a namespace of its own. Its ports neither join nor cut packets, so
 * each loss is one packet on the wire.
 */
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { BenchError, messageOf } from '../../common/errors.js';
import type { Lab } from './lab.js';

const BRIDGE = 'hop';
const TABLE = 'loss';
export const LOSS_PERCENT = 1;
const MEASURED_PERCENT = { least: 0.5, most: 2 } as const;

export class LossyHop {
  readonly #ports: string[] = [];

  private constructor(
    private readonly namespace: NetworkNamespace,
    private readonly mtuBytes: number,
  ) {}

  static async create(lab: Lab, mtuBytes: number): Promise<LossyHop> {
    const namespace = await lab.createNamespace('hop');
    await namespace.ip('link', 'add', BRIDGE, 'type', 'bridge', 'mcast_snooping', '0');
    await namespace.ip('link', 'set', BRIDGE, 'up');
    // A switch has no iptables that every packet would go through. Exists while the kernel has br_netfilter.
    const filtered = '/proc/sys/net/bridge/bridge-nf-call-iptables';
    await namespace.run('sh', ['-c', `if [ -e ${filtered} ]; then echo 0 > ${filtered}; fi`]);
    return new LossyHop(namespace, mtuBytes);
  }

  /** Connects an interface, made in the member's namespace, to a port of the hop. */
  async attach(member: NetworkNamespace, interfaceName: string, port: string): Promise<void> {
    const mtu = ['mtu', `${this.mtuBytes}`];
    const peer = ['peer', 'name', interfaceName, 'netns', member.name, ...mtu];
    await this.namespace.ip('link', 'add', port, ...mtu, 'type', 'veth', ...peer);
    await this.namespace.run('ethtool', ['-K', port, 'gro', 'off']);
    await this.namespace.ip('link', 'set', port, 'master', BRIDGE, 'up');
    this.#ports.push(port);
  }

  /** Lets every port drop 1 % of its incoming packets at random. */
  async startLosing(): Promise<void> {
    const chains = this.#ports.map((port) => {
      const hook = `type filter hook ingress device "${port}" priority 0;`;
      return `chain ${port} { ${hook} counter; numgen random mod 100 < ${LOSS_PERCENT} counter drop; }`;
    });
    await this.namespace.run('nft', ['-f', '-'], `table netdev ${TABLE} {\n${chains.join('\n')}\n}\n`);
  }

  /** Throws {@link BenchError} unless about the intended part of the packets was lost. */
  async checkLoss(): Promise<void> {
    const listed = await this.namespace.run('nft', ['-j', 'list', 'table', 'netdev', TABLE]);
    const percent = lostPercent(listed);
    if (percent >= MEASURED_PERCENT.least && percent <= MEASURED_PERCENT.most) return;
    throw new BenchError(`the hop lost ${percent.toFixed(2)} % of the packets, expected about ${LOSS_PERCENT} %`);
  }
}

interface NftRule {
  readonly expr: readonly { readonly counter?: { readonly packets: number }; readonly drop?: null }[];
}

/** @param listed the table of {@link LossyHop.startLosing} as `nft -j` lists it; 0 when nothing has passed yet */
export function lostPercent(listed: string): number {
  const rules = parseRules(listed);
  const packets = (wanted: readonly NftRule[]): number =>
    wanted.flatMap(({ expr }) => expr.map(({ counter }) => counter?.packets ?? 0)).reduce((sum, n) => sum + n, 0);
  const isDrop = ({ expr }: NftRule): boolean => expr.some((statement) => 'drop' in statement);
  const arrived = packets(rules.filter((rule) => !isDrop(rule)));
  return arrived === 0 ? 0 : (100 * packets(rules.filter(isDrop))) / arrived;
}

function parseRules(listed: string): NftRule[] {
  try {
    const { nftables } = JSON.parse(listed) as { nftables: { rule?: NftRule }[] };
    return nftables.map(({ rule }) => rule).filter((rule) => rule !== undefined);
  } catch (thrown) {
    throw new BenchError(`nft's list of the hop's rules cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}
