/** Capabilities of Linux that the node service needs (capabilities(7)), each with its bit and what it is for. */

export interface NeededCapability {
  /** Without the prefix `CAP_`. */
  readonly name: string;
  readonly bit: number;
  readonly purpose: string;
}

export const NEEDED_CAPABILITIES: readonly NeededCapability[] = [
  { name: 'NET_ADMIN', bit: 12, purpose: 'interfaces, routes, neighbours, nft, TAP' },
  { name: 'NET_RAW', bit: 13, purpose: 'iptables-legacy' },
  { name: 'SYS_ADMIN', bit: 21, purpose: 'network namespaces of pods; a container mounts /proc/sys read-write' },
  { name: 'DAC_OVERRIDE', bit: 1, purpose: "files of the router's user in the run directory" },
  { name: 'CHOWN', bit: 0, purpose: "the router's socket" },
  { name: 'KILL', bit: 5, purpose: 'the router, which runs as another user' },
  { name: 'SETUID', bit: 7, purpose: "the router's change to its user" },
  { name: 'SETGID', bit: 6, purpose: "the router's change to its group" },
  { name: 'SYS_CHROOT', bit: 18, purpose: 'an empty root for the router' },
  { name: 'SETPCAP', bit: 8, purpose: 'the router gives up all capabilities for good' },
];
