/**
 * Door of `cli/`: `meshctl`, what a person on a node asks the agent with, over its unix socket.
 * Owns: the command line, the tables, the exit codes. Not here: what the agent knows (`common/api.ts` is all this folder
 * sees of it), how Heddle's things are taken off a host (a port), the process (`runMeshctl` never exits by itself).
 */
export { EXIT } from './exit-codes.js';
export type { ExitCode } from './exit-codes.js';
export { runMeshctl } from './main.js';
export type { MeshctlDeps } from './main.js';
export { processTerminal } from './output/terminal.js';
export type { Terminal } from './output/terminal.js';
export type { Uninstall, UninstallOptions, UninstallReport } from './uninstall/command.js';
