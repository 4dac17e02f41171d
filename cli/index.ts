/**
 * Door of `cli/`: the command line `meshctl`, and the API client that it and the demo share. Of the agent it knows
 * `common/api.ts` only. `runMeshctl` returns an exit code and does not end the process; uninstall is passed in.
 */
export { readEndpoints, readPeers, readStatus, readTopology } from './api-answers.js';
export { createApiClient } from './api-client.js';
export type { ApiClient } from './api-client.js';
export type { SecretFileChange } from './commands/rotate.js';
export { EXIT } from './exit-codes.js';
export type { ExitCode } from './exit-codes.js';
export { runMeshctl } from './main.js';
export type { MeshctlDeps } from './main.js';
export { processTerminal } from './output/terminal.js';
export type { Terminal } from './output/terminal.js';
export type { Uninstall, UninstallOptions, UninstallReport } from './uninstall/command.js';
