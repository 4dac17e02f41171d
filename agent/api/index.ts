/**
 * Door of `agent/api/`: the read-only HTTP interface of the node. REST, server-sent events, metrics, health and the
 * built page, on a unix socket and on loopback TCP. Not here: where the answers come from (the agent implements {@link
 * ApiSource}), their shapes (`common/api.ts`), the page itself (`web-ui/`).
 */
export { startApi } from './start-api.js';
export type { ApiOptions, ApiServer } from './start-api.js';
export type { ApiSource } from './api-source.js';
