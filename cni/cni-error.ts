/** CNI errors: code, message and details (spec 1.1.0, section "Error"). Codes below 100 are the spec's. */
import { HeddleError, messageOf } from '../common/errors.js';
import type { ErrorCode } from '../common/errors.js';

export const CNI_CODES = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  /** Heddle's own, as the ones below. */
  noFreeAddress: 100,
  addressRefused: 101,
  hostRefused: 102,
  checkFailed: 103,
  internal: 199,
} as const;

/** Error response to a runtime. Message and details are shown to people; they hold no secret and no stack trace. */
export class CniError extends HeddleError {
  override readonly name = 'CniError';
  constructor(
    readonly cniCode: number,
    message: string,
    readonly details = '',
    options?: { cause?: unknown },
  ) {
    super('CNI_INVALID', message, options);
  }
}

const CODE_OF: Partial<Record<ErrorCode, readonly [code: number, message: string]>> = {
  ADDRESS_INVALID: [CNI_CODES.addressRefused, 'requested address refused'],
  ALLOCATION_CONFLICT: [CNI_CODES.addressRefused, 'requested address refused'],
  ALLOCATION_EXHAUSTED: [CNI_CODES.noFreeAddress, 'no free pod address on this node'],
  COMMAND_FAILED: [CNI_CODES.hostRefused, 'the host refused to set up the pod interface'],
  HOST_REFUSED: [CNI_CODES.hostRefused, 'the host refused to set up the pod interface'],
  DECODE_FAILED: [CNI_CODES.decodingFailure, 'cannot decode'],
  LIMIT_REACHED: [CNI_CODES.tryAgainLater, 'try again later'],
  NOT_READY: [CNI_CODES.tryAgainLater, 'try again later'],
  STORE_FAILED: [CNI_CODES.ioFailure, 'cannot write state to disk'],
};

/** Any thrown value as a CNI error; one that is not a HeddleError becomes code 199 with its message. */
export function toCniError(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  const known = thrown instanceof HeddleError ? CODE_OF[thrown.code] : undefined;
  const [code, message] = known ?? [CNI_CODES.internal, 'internal error'];
  return new CniError(code, message, messageOf(thrown), { cause: thrown });
}
