/**
 * Door of `agent/api/`: what the agent tells people and programs over HTTP. REST, server-sent events, metrics, health and
 * the built page, on a unix socket and on loopback TCP.
 * Not here: where the answers come from (the agent implements {@link ApiSource}), their shapes (`common/api.ts`), the page
 * itself (`web-ui/`). The API is read-only: nothing in this folder changes the node.
 */
export { startApi } from './start-api.js';
export type { ApiOptions, ApiServer } from './start-api.js';
export type { ApiSource } from './api-source.js';
