#!/usr/bin/env node
/** Executable `meshctl`: the command line of `cli/` on this host's terminal, with the real uninstall and preflight. */
import { realpath } from 'node:fs/promises';
import { hostCommands } from '../common/host/command.js';
import { systemDisk } from '../common/storage/disk.js';
import { processTerminal, runMeshctl } from './index.js';
import type { SecretFileChange, Uninstall, UninstallReport } from './index.js';
import { installedConfigs, loadConfig, readHostFile } from '../agent/config/index.js';
import { addSecret, dropOldSecret, secretIdsIn } from '../agent/settings/index.js';
import { preflight } from '../agent/preflight/index.js';
import { uninstall } from './uninstall/removal.js';

/** Of every node of Heddle that left something on this host. */
const uninstallAll: Uninstall = async (options) => {
  const configs = await installedConfigs(hostCommands, process.env, readHostFile);
  const reports: UninstallReport[] = [];
  for (const config of configs) reports.push(await uninstall(hostCommands, { config, ...options }));
  const all = (part: (report: UninstallReport) => readonly string[]) => [...new Set(reports.flatMap(part))];
  return {
    removed: all(({ removed }) => removed),
    left: all(({ left }) => left),
    podsThatRun: all(({ podsThatRun }) => podsThatRun),
  };
};

/** With the configuration that `meshd` would start with. */
const lookAtHost = () => preflight(hostCommands, loadConfig([], process.env, readHostFile));

/** A link to the file stays one. */
const realPath = (path: string) => realpath(path).catch(() => path);
const secretFile: SecretFileChange = {
  ids: (path) => secretIdsIn(systemDisk, path),
  add: async (path) => addSecret(systemDisk, await realPath(path)),
  dropOld: async (path) => dropOldSecret(systemDisk, await realPath(path)),
};

process.exitCode = await runMeshctl(
  process.argv.slice(2),
  { uninstall: uninstallAll, preflight: lookAtHost, secretFile },
  processTerminal(),
);
