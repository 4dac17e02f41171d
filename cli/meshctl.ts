#!/usr/bin/env node
/** Executable `meshctl`: the command line of `cli/` on this host's terminal, with the real uninstall and preflight. */
import { hostCommands } from '../common/host/command.js';
import { processTerminal, runMeshctl } from './index.js';
import type { Uninstall, UninstallReport } from './index.js';
import { installedConfigs, loadConfig, readHostFile } from '../agent/config/index.js';
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

process.exitCode = await runMeshctl(
  process.argv.slice(2),
  { uninstall: uninstallAll, preflight: lookAtHost },
  processTerminal(),
);
