/**
 * Removal of Heddle from a host: interfaces, nft tables, changed settings, CNI files, sockets, and the state on request. It
 * searches the host, so it works after any crash, and a second run finds nothing.
 */
import { join } from 'node:path';
import { CNI_BIN_FILES, CNI_CONF_FILES, LEFT_CONF_NAME } from '../../cni/index.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { Config } from '../../common/config.js';
import { HeddleError, messageOf } from '../../common/errors.js';
import { findHostArtefacts } from './host-artefacts.js';
import type { Artefact } from './host-artefacts.js';
import { planLeftPlugin } from './left-plugin.js';
import { findSettingArtefacts } from './host-settings.js';
import { filesOf, findEmptyFolders, findFiles, findFolders, findSockets, removeIfEmpty } from './path-artefacts.js';
import {
  childrenFile,
  configRecordFile,
  cniSocket,
  emptyFolder,
  engineSpeedsFile,
  routerSocket,
  settingsRecordFile,
  stateFiles,
  stateFolders,
  successionSocket,
  supervisorSocket,
} from '../../common/host/run-files.js';
import { systemDisk } from '../../common/storage/disk.js';
import { isListening } from '../../common/host/unix-socket.js';

const disk = filesOf(systemDisk);

export interface UninstallRequest {
  readonly config: Config;
  /** Only list what would be removed. */
  readonly dryRun: boolean;
  /** Also the node's identity and its allocations. */
  readonly purge: boolean;
}

export interface Removal {
  /** In order. */
  readonly removed: readonly string[];
  /** Files that stay so that pods that still run can be deleted. */
  readonly left: readonly string[];
  /** Their network namespaces. */
  readonly podsThatRun: readonly string[];
}

/**
 * Returns what was (or would be) removed, and what stays. Throws HeddleError `ALREADY_RUNNING` while `meshd` runs, which would make
 * everything again, and `HOST_REFUSED` when something cannot be removed, after the removal of the rest.
 */
export async function uninstall(commands: CommandRunner, request: UninstallRequest): Promise<Removal> {
  if (!request.dryRun) await refuseWhileRunning(request.config);
  const left = await planLeftPlugin(commands, disk, request.config);
  const found = await findArtefacts(commands, request);
  // With them the record that tells the next run where they are.
  const kept = left.paths.length > 0 ? [...left.paths, configRecordFile(request.config)] : [];
  const artefacts = found.filter(({ label }) => !kept.includes(label));
  if (!request.dryRun) {
    await left.place();
    await removeAll(artefacts);
    await removeEmptyFolders(request);
  }
  return { removed: artefacts.map(({ label }) => label), left: left.paths, podsThatRun: left.namespaces };
}

async function refuseWhileRunning(config: Config): Promise<void> {
  for (const socket of [supervisorSocket(config), routerSocket(config), cniSocket(config)]) {
    if (!(await isListening(socket))) continue;
    throw new HeddleError('ALREADY_RUNNING', `meshd runs on this node (it listens on ${socket}): stop it first`);
  }
}

async function findArtefacts(commands: CommandRunner, { config, purge }: UninstallRequest): Promise<Artefact[]> {
  const { bridgeName, tapName, cniConfDir, cniBinDir, apiSocket, stateDir } = config;
  const inFolder = (folder: string, names: readonly string[]) =>
    folder === '' ? [] : names.map((name) => join(folder, name));
  const sockets = [
    supervisorSocket(config),
    successionSocket(config),
    routerSocket(config),
    cniSocket(config),
    apiSocket,
  ];
  const runFiles = [childrenFile(config), engineSpeedsFile(config)];
  return [
    // First, so that no runtime attaches a pod meanwhile.
    ...findFiles(inFolder(cniConfDir, [...CNI_CONF_FILES, LEFT_CONF_NAME])),
    ...(await findHostArtefacts(commands, { bridgeName, tapName })),
    ...(await findSettingArtefacts(commands, disk, stateDir)),
    ...findFiles(inFolder(cniBinDir, CNI_BIN_FILES)),
    ...findSockets(sockets),
    ...findFiles(runFiles),
    ...findEmptyFolders([emptyFolder(config)]),
    ...findFiles(purge ? stateFiles(config) : [settingsRecordFile(config)]),
    ...findFolders(purge ? stateFolders(config) : []),
  ];
}

async function removeEmptyFolders({ config, purge }: UninstallRequest): Promise<void> {
  for (const folder of [config.runDir, ...(purge ? [config.stateDir] : [])]) await removeIfEmpty(folder);
}

async function removeAll(artefacts: readonly Artefact[]): Promise<void> {
  const failures: string[] = [];
  for (const artefact of artefacts) {
    try {
      await artefact.remove();
    } catch (thrown) {
      failures.push(`${artefact.label}: ${messageOf(thrown)}`);
    }
  }
  if (failures.length > 0) throw new HeddleError('HOST_REFUSED', `could not remove ${failures.join('; ')}`);
}
