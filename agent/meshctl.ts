#!/usr/bin/env node
/** `meshctl`: the command line of `cli/` with what it cannot do by itself plugged in. */
import { hostCommands } from '../common/command.js';
import { processTerminal, runMeshctl } from '../cli/index.js';
import type { UninstallPort } from '../cli/index.js';
import { readHostFile } from './config-command.js';
import { loadConfig } from './config-sources.js';
import { uninstall } from './uninstall.js';

/** Where things are is asked of the same configuration that `meshd` runs with: its file and environment. */
const uninstallPort: UninstallPort = {
  uninstall: (options) => uninstall(hostCommands, { config: loadConfig([], process.env, readHostFile), ...options }),
};

process.exitCode = await runMeshctl(process.argv.slice(2), { uninstall: uninstallPort }, processTerminal());
