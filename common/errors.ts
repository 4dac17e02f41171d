/**
 * Error classes of Heddle, each with a stable code that users and tests may rely on. A message says what failed, on what,
 * what was found and expected, and what to do. Not here: drop reasons of packets (`router/tables/drop-reasons.ts`).
 */

export type ErrorCode =
  | 'ADDRESS_INVALID'
  | 'ALLOCATION_EXHAUSTED'
  | 'ALLOCATION_CONFLICT'
  | 'ALREADY_RUNNING'
  | 'API_ANSWER_INVALID'
  | 'API_REFUSED'
  | 'API_UNREACHABLE'
  | 'ASSERTION'
  | 'BENCH_FAILED'
  | 'CNI_INVALID'
  | 'COMMAND_FAILED'
  | 'CONFIG_INVALID'
  | 'DECODE_FAILED'
  | 'DEMO_FAILED'
  | 'HANDSHAKE_REJECTED'
  | 'HOST_REFUSED'
  | 'IDENTITY_INVALID'
  | 'INTERNAL'
  | 'KUBERNETES_FAILED'
  | 'LIMIT_REACHED'
  | 'LISTEN_FAILED'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_FOUND'
  | 'NOT_READY'
  | 'PLATFORM_UNSUPPORTED'
  | 'PORT_CLOSED'
  | 'REQUEST_INVALID'
  | 'STORE_CORRUPT'
  | 'STORE_FAILED'
  | 'SYSTEM_CALL_FAILED';

/** Base class of all errors that Heddle throws. */
export class HeddleError extends Error {
  override readonly name: string = 'HeddleError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Text that is not an IP address, CIDR, MAC address or socket address where one is expected. */
export class AddressError extends HeddleError {
  override readonly name = 'AddressError';
  constructor(message: string) {
    super('ADDRESS_INVALID', message);
  }
}

/** Bytes from outside (wire, socket, file) that do not decode. The message holds no secret. */
export class DecodeError extends HeddleError {
  override readonly name = 'DecodeError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('DECODE_FAILED', message, options);
  }
}

/** One or more settings are wrong; `problems` lists every one of them with its source. */
export class ConfigError extends HeddleError {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super('CONFIG_INVALID', `configuration is not valid:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  }
}

/** A program of the host (`ip`, `nft`, ...) failed. */
export class CommandError extends HeddleError {
  override readonly name = 'CommandError';
  constructor(
    readonly command: string,
    readonly exitCode: number | null,
    readonly stderr: string,
  ) {
    super('COMMAND_FAILED', `${command} failed with exit code ${exitCode ?? 'none'}: ${stderr.trim() || 'no message'}`);
  }
}

/** The kernel refused a change of its network configuration, or did not answer. */
export class NetlinkError extends HeddleError {
  override readonly name = 'NetlinkError';
  /** @param request as a command of `ip` or `bridge`; @param errno null without an answer; @param reason the kernel's words */
  constructor(
    readonly request: string,
    readonly errno: number | null,
    readonly reason: string,
  ) {
    super('HOST_REFUSED', `${request} failed: ${reason}`);
  }
}

/** A system call made through FFI failed. */
export class SystemCallError extends HeddleError {
  override readonly name = 'SystemCallError';
  constructor(
    readonly call: string,
    readonly errno: number,
    detail = '',
  ) {
    super('SYSTEM_CALL_FAILED', `${call} failed with errno ${errno}${detail === '' ? '' : `: ${detail}`}`);
  }
}

/** A socket (unix or TCP) that cannot be listened on: in use by another process, or forbidden. */
export class ListenError extends HeddleError {
  override readonly name = 'ListenError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('LISTEN_FAILED', message, options);
  }
}

/** An API request that is answered with a problem instead of a document; `httpStatus` is the answer's status. */
export class RequestError extends HeddleError {
  override readonly name = 'RequestError';
  constructor(
    code: ErrorCode,
    readonly httpStatus: number,
    message: string,
  ) {
    super(code, message);
  }
}

/** The agent cannot be asked: nothing listens, permission is denied, or no answer comes. */
export class ApiUnreachableError extends HeddleError {
  override readonly name = 'ApiUnreachableError';
  constructor(
    readonly reason: 'absent' | 'denied' | 'silent',
    message: string,
    options?: { cause?: unknown },
  ) {
    super('API_UNREACHABLE', message, options);
  }
}

/** The agent answered with a problem, or with a document of another shape. */
export class ApiAnswerError extends HeddleError {
  override readonly name = 'ApiAnswerError';
  constructor(code: 'API_ANSWER_INVALID' | 'API_REFUSED', message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/** What is wrong with a handshake message whose MAC is good, so whose sender knows the cluster secret. */
export type HandshakeFailure =
  | 'tooShort'
  /** Not a public key that X25519 accepts (RFC 7748, section 6.1). */
  | 'badKey'
  | 'badTag'
  | 'badPayload'
  | 'otherVersion'
  | 'badAdvert'
  | 'badSignature'
  /** The static key is not the one in the advert. */
  | 'otherStaticKey'
  | 'noCommonCipher'
  /** The initiator chose another cipher than both lists lead to. */
  | 'otherCipher'
  /** The confirmation is of another node than the initiation. */
  | 'otherIdentity';

/** A handshake message that is refused. The handshake's state is as before the message. */
export class HandshakeError extends HeddleError {
  override readonly name = 'HandshakeError';
  constructor(
    readonly failure: HandshakeFailure,
    message: string,
    options?: { cause?: unknown },
  ) {
    super('HANDSHAKE_REJECTED', message, options);
  }
}

/** A node's key file that cannot be used. The message holds nothing of its content. */
export class IdentityError extends HeddleError {
  override readonly name = 'IdentityError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('IDENTITY_INVALID', message, options);
  }
}

/** A request to the Kubernetes API server failed; `status` is the answer's, or null without an answer. */
export class KubernetesError extends HeddleError {
  override readonly name = 'KubernetesError';
  constructor(
    readonly status: number | null,
    message: string,
    options?: { cause?: unknown },
  ) {
    super('KUBERNETES_FAILED', message, options);
  }
}

/** A condition that the demo cluster waited for did not come true, or a requested thing does not exist. */
export class DemoError extends HeddleError {
  override readonly name = 'DemoError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('DEMO_FAILED', message, options);
  }
}

/** A benchmark that cannot be set up, or a measurement that gave no figure. */
export class BenchError extends HeddleError {
  override readonly name = 'BenchError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('BENCH_FAILED', message, options);
  }
}

/** Throws unless the condition holds. For bugs only: no input may make it fail. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new HeddleError('ASSERTION', `assertion failed: ${message}`);
}

/** Message of any thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The code of an error of the system, such as ENOENT, or of ours; empty for what has none. */
export function codeOf(thrown: unknown): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}
