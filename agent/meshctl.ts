#!/usr/bin/env node
/** `meshctl`: the command line of `cli/` with what it cannot do by itself plugged in. */
import { hostCommands } from '../common/command.js';
import { processTerminal, runMeshctl } from '../cli/index.js';
import type { UninstallPort } from '../cli/index.js';
import { readHostFile } from './config-command.js';
import { installedConfigs } from './config-record.js';
import { uninstall } from './uninstall.js';

const uninstallPort: UninstallPort = {
  async uninstall(options) {
    const removed = new Set<string>();
    for (const config of await installedConfigs(hostCommands, process.env, readHostFile)) {
      const report = await uninstall(hostCommands, { config, ...options });
      for (const thing of report.removed) removed.add(thing);
    }
    return { removed: [...removed] };
  },
};

process.exitCode = await runMeshctl(process.argv.slice(2), { uninstall: uninstallPort }, processTerminal());
