#!/usr/bin/env node
/** Executable `meshctl`: the command line of `cli/` on this host's terminal, with the real uninstall. */
import { hostCommands } from '../common/host/command.js';
import { processTerminal, runMeshctl } from './index.js';
import type { Uninstall } from './index.js';
import { installedConfigs, readHostFile } from '../agent/config/index.js';
import { uninstall } from './uninstall/removal.js';

/** Of every node of Heddle that left something on this host. */
const uninstallAll: Uninstall = async (options) => {
  const removed = new Set<string>();
  for (const config of await installedConfigs(hostCommands, process.env, readHostFile)) {
    const report = await uninstall(hostCommands, { config, ...options });
    for (const thing of report.removed) removed.add(thing);
  }
  return { removed: [...removed] };
};

process.exitCode = await runMeshctl(process.argv.slice(2), { uninstall: uninstallAll }, processTerminal());
