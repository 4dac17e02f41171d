/**
 * Interfaces and nft table of Heddle in a host's kernel, found by their marks, so that they are removed after any crash.
 * Settings under `/proc/sys` are not undone, since other programs may rely on them.
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

/** One thing that can be removed from the host. */
export interface Artefact {
  /** Name for people: `interface heddle0`. */
  readonly label: string;
  remove(): Promise<void>;
}

/** Present artefacts in the order of removal. Addresses and routes are removed with the bridge. */
export async function findHostArtefacts(commands: CommandRunner, names: HostNames): Promise<Artefact[]> {
  const show = (kind: string) => listInterfaces(commands, ['-details', 'link', 'show', 'type', kind]);
  const [veths, taps, bridges] = await Promise.all([show('veth'), show('tun'), show('bridge')]);
  const interfaces = [
    ...veths.filter((veth) => isHostInterface(veth, names.bridgeName)),
    ...taps.filter(({ name }) => name === names.tapName),
    ...bridges.filter(({ name }) => name === names.bridgeName),
  ];
  const table = await findTable(commands);
  return [...interfaces.map((found) => interfaceArtefact(commands, found)), ...(table === null ? [] : [table])];
}

function interfaceArtefact(commands: CommandRunner, { name }: InterfaceInfo): Artefact {
  return {
    label: `interface ${name}`,
    async remove() {
      await commands.run('ip', ['link', 'del', 'dev', name]);
    },
  };
}

/** Null also on a host without nft, which cannot have the table. */
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
