/**
 * Everything of ours that may be on a host's kernel, found by what it is and not by what is remembered, so that it can be
 * removed after any crash. Settings under `/proc/sys` are left: others may have come to rely on them.
 */
import { isHostInterface } from '../../cni/index.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CommandError } from '../../common/errors.js';
import { listInterfaces } from '../../common/host/ip-output.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import { NFT_TABLE } from '../../agent/host-network/index.js';

export interface HostNames {
  readonly bridgeName: string;
  readonly tapName: string;
}

/** One thing that can be taken off the host. */
export interface Artefact {
  /** As people know it: `link heddle0`. */
  readonly label: string;
  remove(): Promise<void>;
}

/** What is there now, in the order in which it should be removed. Addresses and routes go with the bridge. */
export async function findHostArtefacts(commands: CommandRunner, names: HostNames): Promise<Artefact[]> {
  const show = (kind: string) => listInterfaces(commands, ['-details', 'link', 'show', 'type', kind]);
  const [veths, taps, bridges] = await Promise.all([show('veth'), show('tun'), show('bridge')]);
  const links = [
    ...veths.filter((link) => isHostInterface(link, names.bridgeName)),
    ...taps.filter(({ name }) => name === names.tapName),
    ...bridges.filter(({ name }) => name === names.bridgeName),
  ];
  const table = await findTable(commands);
  return [...links.map((link) => linkArtefact(commands, link)), ...(table === null ? [] : [table])];
}

function linkArtefact(commands: CommandRunner, { name }: InterfaceInfo): Artefact {
  return {
    label: `link ${name}`,
    async remove() {
      await commands.run('ip', ['link', 'del', 'dev', name]);
    },
  };
}

/** A host without nft cannot have the table. */
async function findTable(commands: CommandRunner): Promise<Artefact | null> {
  try {
    await commands.run('nft', ['list', 'table', ...NFT_TABLE]);
  } catch (thrown) {
    if (thrown instanceof CommandError) return null;
    throw thrown;
  }
  return {
    label: `nft table ${NFT_TABLE.join(' ')}`,
    async remove() {
      await commands.run('nft', ['delete', 'table', ...NFT_TABLE]);
    },
  };
}
