/** Where a node keeps what: every path that the agent, the supervisor and `meshctl uninstall` must agree on. */
import type { Config } from '../config.js';

type Folders = Pick<Config, 'runDir' | 'stateDir'>;

/** Sockets, gone with the boot. */
export const supervisorSocket = ({ runDir }: Folders): string => `${runDir}/meshd.sock`;
export const routerSocket = ({ runDir }: Folders): string => `${runDir}/router.sock`;
export const cniSocket = ({ runDir }: Folders): string => `${runDir}/cni.sock`;

/** State that survives a reboot. */
export const identityFile = ({ stateDir }: Folders): string => `${stateDir}/identity.json`;
/** The effective configuration of the last agent, as a configuration file; holds no secret. */
export const configRecordFile = ({ stateDir }: Pick<Folders, 'stateDir'>): string => `${stateDir}/config.json`;
export const advertCacheFile = ({ stateDir }: Folders): string => `${stateDir}/adverts.json`;
export const allocationFolder = ({ stateDir }: Folders): string => `${stateDir}/ipam`;
export const endpointFolder = ({ stateDir }: Folders): string => `${stateDir}/endpoints`;
/** Where the CNI executable keeps DEL and GC calls while no agent runs. */
export const deferredDeleteFolder = ({ stateDir }: Folders): string => `${stateDir}/deferred-deletes`;
/** The same folder as named before; a CNI executable of that time may still write to it during an upgrade. */
export const formerDeferredDeleteFolder = ({ stateDir }: Folders): string => `${stateDir}/tombstones`;

/** Everything under `stateDir` that is ours. */
export function stateFiles(folders: Folders): string[] {
  return [
    configRecordFile(folders),
    identityFile(folders),
    advertCacheFile(folders),
    allocationFolder(folders),
    endpointFolder(folders),
    deferredDeleteFolder(folders),
    formerDeferredDeleteFolder(folders),
  ];
}
