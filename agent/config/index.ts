/**
 * Door of `agent/config/`: finding, checking and recording the configuration. The supervisor and `meshctl`
 * read the configuration of a node here. Not here: the list of settings (`common/config.ts`).
 */
export { describeConfig, formatConfigHelp, readHostFile } from './config-command.js';
export { installedConfigs } from './config-record.js';
export { loadConfig } from './config-sources.js';
