/** Kernel settings without which pods cannot be forwarded for. Read and written as files, through the command port. */
import { hasIpv4, hasIpv6 } from './host-plan.js';
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
  const settings: [string, string][] = [];
  if (hasIpv4(spec)) {
    settings.push([`${FOLDER}/ipv4/ip_forward`, '1']);
    // Loose (RFC 3704, 2.4): a reply may come in by another interface than the route back takes.
    settings.push([`${FOLDER}/ipv4/conf/${bridgeName}/rp_filter`, '2']);
  }
  if (hasIpv6(spec)) {
    settings.push([`${FOLDER}/ipv6/conf/${bridgeName}/disable_ipv6`, '0']);
    // A pod must not be able to give the node a default route.
    settings.push([`${FOLDER}/ipv6/conf/${bridgeName}/accept_ra`, '0']);
    settings.push([`${FOLDER}/ipv6/conf/all/forwarding`, '1']);
  }
  return settings;
}
