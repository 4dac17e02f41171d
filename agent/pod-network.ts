/** Pod network of this host: its programs, its network configuration, and files of its network namespaces. */
import { VethPodNetwork } from '../cni/index.js';
import type { PodNetwork } from '../cni/index.js';
import type { CommandRunner } from '../common/host/command.js';
import { namespaceFiles } from './namespace-files.js';
import { HostNetlink } from './netlink/host-netlink.js';

export function openPodNetwork(commands: CommandRunner): PodNetwork {
  return new VethPodNetwork(commands, new HostNetlink(), namespaceFiles);
}
