/** What the CNI installer writes for this node: files and settings, from the configuration and the folder of the programs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseCniChain } from '../common/cni-chain.js';
import type { Config } from '../common/config.js';
import { cniSocket, deferredDeleteFolder, writtenConfFile } from '../common/host/run-files.js';
import type { CniInstallation } from '../cni/index.js';

/** The static relay, or the one for Node where no compiler was at build time. */
const CNI_EXECUTABLES = ['heddle-cni', 'heddle-cni.js'];

export function cniInstallation(programFolder: string, config: Config): CniInstallation {
  const executables = CNI_EXECUTABLES.map((name) => join(programFolder, name));
  return {
    confDir: config.cniConfDir,
    binDir: config.cniBinDir,
    executable: executables.find(existsSync) ?? executables[0]!,
    cniVersion: config.cniVersion,
    chain: parseCniChain(config.cniChain),
    writtenConf: writtenConfFile(config),
    socketPath: cniSocket(config),
    spoolDirectory: deferredDeleteFolder(config),
  };
}
