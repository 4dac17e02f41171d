/**
 * Forwarding of IP packets, switched on for the whole host, without what that changes elsewhere: the kernel ignores router
 * advertisements on an interface that forwards unless `accept_ra` is 2, and a default route learned from one is lost. So where it
 * is 1 it becomes 2 first. Where forwarding was on already, advertisements were ignored before, and nothing is changed.
 */
import { HOST_INTERFACE_PREFIX } from '../../cni/index.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { familiesOf } from './host-plan.js';
import type { HostNetworkSpec, HostPart, HostView, Repair } from './host-plan.js';

const FOLDER = '/proc/sys/net';
const SWITCH: Record<IpFamily, string> = {
  4: `${FOLDER}/ipv4/ip_forward`,
  6: `${FOLDER}/ipv6/conf/all/forwarding`,
};
/** Not an interface, or one that no advertisement comes by. `default` counts: interfaces that come later start with it. */
const WITHOUT_ROUTERS = ['all', 'lo'];

export const forwardingPart: HostPart = {
  name: 'forwarding',
  async plan(spec, view) {
    const repairs: Repair[] = [];
    for (const family of familiesOf(spec)) repairs.push(...(await planFamily(family, spec, view)));
    return repairs;
  },
};

async function planFamily(family: IpFamily, spec: HostNetworkSpec, view: HostView): Promise<Repair[]> {
  const path = SWITCH[family];
  const [found = ''] = await readSettings(view.commands, [path]);
  if (found !== '1') {
    const interfaces = await readInterfaces(family, spec, view.commands);
    const keep = family === 6 ? advertisementRepairs(interfaces.filter(({ forwards }) => !forwards)) : [];
    const resets = await resetsOf(family, interfaces, view.commands);
    return [...keep, setting(`${path} was ${found}`, { path, found, changedTo: '1', resets })];
  }
  const change = (await view.settings.changes()).find((one) => one.path === path);
  if (family === 4 || change === undefined) return [];
  const forwardedBefore = change.resets.map((reset) => reset.path);
  // None where an interface goes away during the look: the next look finds the others.
  const interfaces = await ifItFails(readInterfaces(6, spec, view.commands), []);
  return advertisementRepairs(interfaces.filter(({ forwardingPath }) => !forwardedBefore.includes(forwardingPath)));
}

interface InterfaceSettings {
  readonly name: string;
  readonly forwardingPath: string;
  readonly forwards: boolean;
  readonly acceptsAdvertisementsPath: string;
  /** `accept_ra`; always empty for IPv4. */
  readonly acceptsAdvertisements: string;
}

async function readInterfaces(
  family: IpFamily,
  { bridgeName, tapName }: HostNetworkSpec,
  commands: CommandRunner,
): Promise<InterfaceSettings[]> {
  const folder = `${FOLDER}/ipv${family}/conf`;
  const listed = (await commands.run('ls', [folder])).split('\n').filter(Boolean);
  const names = listed.filter(
    (name) => ![...WITHOUT_ROUTERS, bridgeName, tapName].includes(name) && !name.startsWith(HOST_INTERFACE_PREFIX),
  );
  const forwarding = names.map((name) => `${folder}/${name}/forwarding`);
  const accepting = family === 6 ? names.map((name) => `${folder}/${name}/accept_ra`) : [];
  const values = await readSettings(commands, [...forwarding, ...accepting]);
  return names.map((name, i) => ({
    name,
    forwardingPath: forwarding[i]!,
    forwards: values[i] === '1',
    acceptsAdvertisementsPath: accepting[i] ?? '',
    acceptsAdvertisements: values[names.length + i] ?? '',
  }));
}

function advertisementRepairs(interfaces: readonly InterfaceSettings[]): Repair[] {
  return interfaces
    .filter(({ acceptsAdvertisements }) => acceptsAdvertisements === '1')
    .map(({ name, acceptsAdvertisementsPath: path }) =>
      setting(`${name} would ignore router advertisements`, { path, found: '1', changedTo: '2', resets: [] }),
    );
}

/** The kernel sets all interfaces as the switch says, and for IPv4 `accept_redirects` the other way round. */
async function resetsOf(family: IpFamily, interfaces: readonly InterfaceSettings[], commands: CommandRunner) {
  const forwarding = interfaces.filter(({ forwards }) => forwards);
  const resets = forwarding.map(({ forwardingPath: path }) => ({ path, value: '1' }));
  if (family === 6) return resets;
  const path = `${FOLDER}/ipv4/conf/all/accept_redirects`;
  const [value = ''] = await readSettings(commands, [path]);
  return [...resets, { path, value }];
}

function setting(what: string, change: NonNullable<Repair['setting']>): Repair {
  return { what, program: 'tee', args: [change.path], input: `${change.changedTo}\n`, setting: change };
}

async function readSettings(commands: CommandRunner, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  return (await commands.run('cat', paths)).trim().split('\n');
}
