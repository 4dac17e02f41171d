/**
 * Door of `agent/host-network/`: the host's side of the pod network, compared with what is wanted and mended.
 * Not here: pods' interfaces (`cni/`), descriptors (`supervisor/`).
 */
export { acceptRuleRemovals } from './forward-accept.js';
export { GUARD_TABLE } from './guard-table.js';
export { NAT_TABLE } from './nat-table.js';
export { SettingsRecord } from './settings-record.js';
export type { SettingChange } from './settings-record.js';
