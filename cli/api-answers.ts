/**
 * Checks what the agent said before it is printed, so that an older or newer agent gives a clear message, never a crash.
 * Fields we do not know are let through, and so are new words where we know only some (a state, a path).
 */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import { EndpointSchema, PeerSchema, RouteSchema, StatusSchema } from '../common/api.js';
import type { Endpoint, Peer, Route, Status } from '../common/api.js';
import { ApiAnswerError } from '../common/errors.js';
import { HEDDLE_VERSION } from '../common/version.js';

export const readPeers = reader(Type.Array(PeerSchema));
export const readPeer = reader(PeerSchema);
export const readRoutes = reader(Type.Array(RouteSchema));
export const readEndpoints = reader(Type.Array(EndpointSchema));
export const readStatus = reader(StatusSchema);
export type { Endpoint, Peer, Route, Status };

/** Gives the answer back with its type, or throws {@link ApiAnswerError} that names the field. */
function reader<Schema extends TSchema>(schema: Schema): (answer: unknown, path: string) => Static<Schema> {
  const tolerant = withOpenWords(schema) as TSchema;
  return (answer, path) => {
    const [error] = Errors(tolerant, answer);
    if (error === undefined) return answer as Static<Schema>;
    const where = error.instancePath === '' ? 'it' : error.instancePath;
    throw new ApiAnswerError(
      'API_ANSWER_INVALID',
      `the agent's answer to ${path} is not what meshctl ${HEDDLE_VERSION} understands (${where} ${error.message}): are both of the same version?`,
    );
  };
}

/** The same schema with every choice between texts opened to any text. */
function withOpenWords(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withOpenWords);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { anyOf, enum: words } = schema as { anyOf?: { const?: unknown }[]; enum?: unknown[] };
  const choices = words ?? anyOf?.map((choice) => choice.const);
  if (choices?.every((choice) => typeof choice === 'string') === true) return Type.String();
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withOpenWords(value)]));
}
