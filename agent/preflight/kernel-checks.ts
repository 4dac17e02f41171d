/**
 * Checks of the kernel's features, each by making one in a network namespace of its own, which ends with the command: nothing
 * on the host changes. The kernel loads a missing module meanwhile, as it would for the agent.
 */
import { CommandError } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import { ifItFails } from '../../common/host/command.js';
import { parseCidr } from '../../common/address/cidr.js';
import { SOURCE_GUARD } from '../../cni/index.js';
import { natTable } from '../host-network/nat-table.js';
import { nftTableRepairs } from '../host-network/nft-table.js';
import type { NftTable } from '../host-network/nft-table.js';
import { failed, met } from './finding.js';
import type { Finding } from './finding.js';

interface Trial {
  readonly check: string;
  readonly what: string;
  readonly command: readonly string[];
  readonly input?: string;
  readonly line: string;
}

/** Any addresses: those for documentation (RFC 5737, RFC 3849). */
const NAT = {
  podCidrs: [parseCidr('192.0.2.0/24'), parseCidr('2001:db8::/64')],
  tapName: 'heddle-tap',
  masquerade: true,
};
const INTERFACE = 'heddle-trial';
const link = (...words: string[]) => ['ip', 'link', 'add', 'name', INTERFACE, ...words];

function trials(): Trial[] {
  return [
    {
      check: 'veth',
      what: 'veth pairs',
      command: link('type', 'veth', 'peer', 'name', 'heddle-peer'),
      line: 'modprobe veth',
    },
    { check: 'bridge', what: 'bridges', command: link('type', 'bridge'), line: 'modprobe bridge' },
    {
      ...{ check: 'tun', what: 'TAP interfaces with virtio-net headers', line: 'modprobe tun' },
      command: ['ip', 'tuntap', 'add', 'dev', INTERFACE, 'mode', 'tap', 'vnet_hdr', 'multi_queue'],
    },
    tableTrial(SOURCE_GUARD, 'modprobe -a nf_tables nft_meta_bridge'),
    tableTrial(natTable(NAT), 'modprobe -a nf_tables nft_chain_nat nft_masq'),
  ];
}

/** The table as the agent would write it. */
function tableTrial(table: NftTable, line: string): Trial {
  const [family, name] = table.id;
  const [repair] = nftTableRepairs(table, null);
  const input = repair?.input ?? '';
  return { check: `nft ${family}`, what: `the nft table ${family} ${name}`, command: ['nft', '-f', '-'], input, line };
}

export async function checkKernel(commands: CommandRunner): Promise<Finding[]> {
  const alone = await ifItFails(commands.run('unshare', ['--net', 'true']), null);
  if (alone === null) {
    return [failed('namespaces', 'a network namespace cannot be made, so features of the kernel were not tried')];
  }
  return Promise.all(trials().map((trial) => tryOut(commands, trial)));
}

async function tryOut(commands: CommandRunner, { check, what, command, input, line }: Trial): Promise<Finding> {
  try {
    await commands.run('unshare', ['--net', ...command], input);
    return met(check, `${what} can be made`);
  } catch (thrown) {
    if (!(thrown instanceof CommandError)) throw thrown;
    return failed(check, `${what} cannot be made: ${thrown.stderr.trim().split('\n')[0] ?? ''}`, line);
  }
}
