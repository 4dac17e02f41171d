/**
 * Door of `agent/config/`: where settings are found, checked and recorded. The supervisor and `meshctl uninstall` read the
 * configuration of a node here, too. Not here: what settings there are (`common/config.ts`).
 */
export { describeConfig, formatConfigHelp, readHostFile } from './config-command.js';
export { installedConfigs } from './config-record.js';
