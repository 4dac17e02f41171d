/** Kernel settings of the bridge. Read and written as files, through the command port. */
import { familiesOf } from './host-plan.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';

const FOLDER = '/proc/sys/net';

export const sysctlsPart: HostPart = {
  name: 'sysctls',
  async plan(spec, view) {
    const wanted = wantedSettings(spec);
    const printed = await view.commands.run(
      'cat',
      wanted.map(([path]) => path),
    );
    const values = printed.trim().split('\n');
    return wanted.flatMap(([path, value], i): Repair[] =>
      values[i]?.trim() === value
        ? []
        : [{ what: `${path} was ${values[i] ?? 'unreadable'}`, program: 'tee', args: [path], input: `${value}\n` }],
    );
  },
};

function wantedSettings(spec: HostNetworkSpec): [path: string, value: string][] {
  const { bridgeName } = spec;
  const families = familiesOf(spec);
  const settings: [string, string][] = [];
  if (families.includes(4)) {
    // Loose (RFC 3704, 2.4): frames come up from the bridge, and the routes back lead to its ports.
    settings.push([`${FOLDER}/ipv4/conf/${bridgeName}/rp_filter`, '2']);
    // The router's ICMP errors come from the gateway's address. Nobody else gets past the guard or the router with it.
    settings.push([`${FOLDER}/ipv4/conf/${bridgeName}/accept_local`, '1']);
    // Answers of a hostPort to 127.0.0.1 come up from the bridge. The guard drops what pods themselves send there.
    settings.push([`${FOLDER}/ipv4/conf/${bridgeName}/route_localnet`, '1']);
  }
  if (families.includes(6)) {
    settings.push([`${FOLDER}/ipv6/conf/${bridgeName}/disable_ipv6`, '0']);
    // A pod must not be able to give the node a default route.
    settings.push([`${FOLDER}/ipv6/conf/${bridgeName}/accept_ra`, '0']);
  }
  return settings;
}
