/**
 * Checks of the agent's answers against `common/api.ts`, so that an answer of another version gives a clear message instead
 * of a crash. Unknown fields are allowed, and so are unknown words where the schema has a list of them (a state, a path).
 */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import {
  EndpointSchema,
  PeerSchema,
  PodPoliciesSchema,
  PolicyDecisionSchema,
  RevokedNodeSchema,
  RouteSchema,
  StatusSchema,
  TopologySchema,
} from '../common/api.js';
import type { Endpoint, Peer, Route, Status } from '../common/api.js';
import { ApiAnswerError } from '../common/errors.js';
import { HEDDLE_VERSION } from '../common/version.js';

export const readPeers = reader(Type.Array(PeerSchema));
export const readPeer = reader(PeerSchema);
export const readPolicies = reader(Type.Array(PodPoliciesSchema));
export const readPodPolicies = reader(PodPoliciesSchema);
export const readPolicyDecision = reader(PolicyDecisionSchema);
export const readRoutes = reader(Type.Array(RouteSchema));
export const readRevokedNode = reader(RevokedNodeSchema);
export const readEndpoints = reader(Type.Array(EndpointSchema));
export const readStatus = reader(StatusSchema);
export const readTopology = reader(TopologySchema);
export type { Endpoint, Peer, Route, Status };

/** Returns the answer with its type, or throws {@link ApiAnswerError} with the name of the wrong field. */
function reader<Schema extends TSchema>(schema: Schema): (answer: unknown, path: string) => Static<Schema> {
  const tolerant = withOpenWords(schema) as TSchema;
  return (answer, path) => {
    const [error] = Errors(tolerant, answer);
    if (error === undefined) return answer as Static<Schema>;
    const where = error.instancePath === '' ? 'the document' : error.instancePath;
    throw new ApiAnswerError(
      'API_ANSWER_INVALID',
      `the agent's answer to ${path} does not fit meshctl ${HEDDLE_VERSION} (${where} ${error.message}): use the meshctl of the agent's version`,
    );
  };
}

/** The same schema with any text in place of every choice between texts. */
function withOpenWords(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withOpenWords);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { anyOf, enum: words } = schema as { anyOf?: { const?: unknown }[]; enum?: unknown[] };
  const choices = words ?? anyOf?.map((choice) => choice.const);
  if (choices?.every((choice) => typeof choice === 'string') === true) return Type.String();
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withOpenWords(value)]));
}
