/** Paths of a node's sockets and state files, as agent, supervisor and `meshctl uninstall` must agree on them. */
import type { Config } from '../config.js';

type RunDir = Pick<Config, 'runDir'>;
type StateDir = Pick<Config, 'stateDir'>;

/** Sockets; `runDir` is emptied at boot. */
export const supervisorSocket = ({ runDir }: RunDir): string => `${runDir}/meshd.sock`;
/** Children of the supervisor that runs or ran last (`supervisor/leftovers.ts`). */
export const childrenFile = ({ runDir }: RunDir): string => `${runDir}/children.json`;
/** On which a supervisor receives descriptors from the one before it. */
export const successionSocket = ({ runDir }: RunDir): string => `${runDir}/succession.sock`;
/** On which a router passes its state to the next one (`router/process/state-handover.ts`). */
export const routerStateSocket = ({ runDir }: RunDir): string => `${runDir}/router-state.sock`;
export const routerSocket = ({ runDir }: RunDir): string => `${runDir}/router.sock`;
/** Root of the confined router. */
export const emptyFolder = ({ runDir }: RunDir): string => `${runDir}/empty`;
/** Speeds of the router's AEAD engines. */
export const engineSpeedsFile = ({ runDir }: RunDir): string => `${runDir}/engine-speeds.json`;
export const cniSocket = ({ runDir }: RunDir): string => `${runDir}/cni.sock`;

/** State; `stateDir` survives a reboot. */
export const identityFile = ({ stateDir }: StateDir): string => `${stateDir}/identity.json`;
/** The effective configuration of the last agent, as a configuration file; holds no secret. */
export const configRecordFile = ({ stateDir }: StateDir): string => `${stateDir}/config.json`;
/** The list of keys in force, in the form of its file. */
export const trustedKeysRecordFile = ({ stateDir }: StateDir): string => `${stateDir}/trusted-keys`;
export const advertCacheFile = ({ stateDir }: StateDir): string => `${stateDir}/adverts.json`;
export const allocationFolder = ({ stateDir }: StateDir): string => `${stateDir}/ipam`;
/** Copy of the CNI configuration list that the agent wrote last. */
export const writtenConfFile = ({ stateDir }: StateDir): string => `${stateDir}/written.conflist`;
export const endpointFolder = ({ stateDir }: StateDir): string => `${stateDir}/endpoints`;
/** Kernel settings of the host that were changed, with the values found. */
export const settingsRecordFile = ({ stateDir }: StateDir): string => `${stateDir}/host-settings.json`;
/** What the Kubernetes API server said last. */
export const kubernetesRecordFile = ({ stateDir }: StateDir): string => `${stateDir}/kubernetes.json`;
/** Nodes that the Kubernetes API server named, with their keys' ids. */
export const nodeKeysFile = ({ stateDir }: StateDir): string => `${stateDir}/node-keys.json`;
/** Pods, namespaces and network policies of the cluster, as the API server told of them last. */
export const policyRecordFile = ({ stateDir }: StateDir): string => `${stateDir}/policies.json`;
/** Where the CNI executable keeps DEL and GC calls while no agent runs. */
export const deferredDeleteFolder = ({ stateDir }: StateDir): string => `${stateDir}/deferred-deletes`;
/** Former name of that folder; a CNI executable of an older version writes there until it is replaced. */
export const formerDeferredDeleteFolder = ({ stateDir }: StateDir): string => `${stateDir}/tombstones`;

/** Every file of a node under `stateDir`. */
export function stateFiles(config: StateDir): string[] {
  return [
    configRecordFile(config),
    identityFile(config),
    trustedKeysRecordFile(config),
    advertCacheFile(config),
    writtenConfFile(config),
    settingsRecordFile(config),
    kubernetesRecordFile(config),
    nodeKeysFile(config),
    policyRecordFile(config),
  ];
}

/** Every folder there. */
export function stateFolders(config: StateDir): string[] {
  return [
    allocationFolder(config),
    endpointFolder(config),
    deferredDeleteFolder(config),
    formerDeferredDeleteFolder(config),
  ];
}
