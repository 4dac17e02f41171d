/**
 * Interfaces, routes and nft tables of Heddle in a host's kernel, found by their marks, so that they are removed after any crash.
 */
import { isHostInterface } from '../../cni/index.js';
import type { CommandRunner } from '../../common/host/command.js';
import { ifItFails } from '../../common/host/command.js';
import { listInterfaces, listRoutes } from '../../common/host/ip-output.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import { ROUTE_PROTOCOL } from '../../common/host/kernel-marks.js';
import { acceptRuleRemovals, GUARD_TABLE, NAT_TABLE } from '../../agent/host-network/index.js';
import { POLICY_TABLE } from '../../policy/index.js';

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

/** Present artefacts in the order of removal. Addresses, and routes by an interface, are removed with the interface. */
export async function findHostArtefacts(commands: CommandRunner, names: HostNames): Promise<Artefact[]> {
  const show = (kind: string) => listInterfaces(commands, ['-details', 'link', 'show', 'type', kind]);
  const [veths, taps, bridges] = await Promise.all([show('veth'), show('tun'), show('bridge')]);
  const interfaces = [
    ...veths.filter((veth) => isHostInterface(veth, names.bridgeName)),
    ...taps.filter(({ name }) => name === names.tapName),
    ...bridges.filter(({ name }) => name === names.bridgeName),
  ];
  const tables = await Promise.all([NAT_TABLE, GUARD_TABLE, POLICY_TABLE].map((id) => findTable(commands, id)));
  const routes = [await findRoutes(commands, '-4'), await findRoutes(commands, '-6')];
  const rules = (await acceptRuleRemovals(commands)).map(({ label, removal: { program, args } }) => ({
    label,
    remove: async () => void (await commands.run(program, args)),
  }));
  return [
    ...interfaces.map((found) => interfaceArtefact(commands, found)),
    ...routes.flat(),
    ...tables.flat(),
    ...rules,
  ];
}

function interfaceArtefact(commands: CommandRunner, { name }: InterfaceInfo): Artefact {
  return {
    label: `interface ${name}`,
    async remove() {
      await commands.run('ip', ['link', 'del', 'dev', name]);
    },
  };
}

/** Those without an interface: `unreachable`. Empty when there are none. */
async function findRoutes(commands: CommandRunner, family: '-4' | '-6'): Promise<Artefact[]> {
  const found = await listRoutes(commands, [family, 'route', 'show', 'proto', ROUTE_PROTOCOL]);
  return found
    .filter(({ type }) => type === 'unreachable')
    .map(({ type, destination }) => ({
      label: `route ${type} ${destination}`,
      async remove() {
        await commands.run('ip', [family, 'route', 'del', type, destination, 'proto', ROUTE_PROTOCOL]);
      },
    }));
}

/** Empty also on a host without nft, which cannot have the table. */
async function findTable(commands: CommandRunner, table: readonly string[]): Promise<Artefact[]> {
  if ((await ifItFails(commands.run('nft', ['list', 'table', ...table]), null)) === null) return [];
  const remove = async () => void (await commands.run('nft', ['delete', 'table', ...table]));
  return [{ label: `nft table ${table.join(' ')}`, remove }];
}
