/**
 * Answer to a request that failed: a status and a {@link Problem}. A mistake of ours is `INTERNAL` without detail; the
 * caller logs it.
 */
import type { Problem } from '../../../common/api.js';
import { RequestError } from '../../../common/errors.js';

export interface ProblemAnswer {
  readonly status: number;
  readonly problem: Problem;
}

/** The fields of an HTTP framework's or schema validator's error that are used here. */
interface FrameworkError {
  readonly statusCode?: number;
  readonly message?: string;
  readonly validation?: readonly SchemaFault[];
  readonly validationContext?: string;
}

export interface SchemaFault {
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export function problemOf(thrown: unknown): ProblemAnswer {
  if (thrown instanceof RequestError) {
    return { status: thrown.httpStatus, problem: { code: thrown.code, message: thrown.message } };
  }
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as FrameworkError;
  if (error.validation !== undefined) {
    const message = error.validation
      .map((fault) => describeFault(fault, error.validationContext ?? 'request'))
      .join('; ');
    return { status: 400, problem: { code: 'REQUEST_INVALID', message } };
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return { status, problem: { code: 'REQUEST_INVALID', message: error.message ?? 'the request is not valid' } };
  }
  return { status: 500, problem: { code: 'INTERNAL', message: 'the agent failed to answer; its log has the reason' } };
}

const PLACE_NAMES: Readonly<Record<string, string>> = { querystring: 'query parameter', params: 'path parameter' };

/** "unknown query parameter "foo"" rather than the validator's "querystring must NOT have additional properties". */
function describeFault(fault: SchemaFault, context: string): string {
  const place = PLACE_NAMES[context] ?? context;
  const extra = fault.params?.['additionalProperty'];
  if (typeof extra === 'string') return `unknown ${place} "${extra}"`;
  const name = (fault.instancePath ?? '').replace(/^\//, '');
  return `${place}${name === '' ? '' : ` "${name}"`} ${fault.message ?? 'is not valid'}`;
}
