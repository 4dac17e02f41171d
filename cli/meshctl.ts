#!/usr/bin/env node
/** `meshctl`: the command line of `cli/` with what it cannot do by itself plugged in. */
import { hostCommands } from '../common/host/command.js';
import { processTerminal, runMeshctl } from './index.js';
import type { UninstallPort } from './index.js';
import { installedConfigs, readHostFile } from '../agent/config/index.js';
import { uninstall } from './uninstall/removal.js';

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
