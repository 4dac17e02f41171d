/**
 * Every error class of Heddle, each with a stable code that users and tests may rely on.
 * Owns: the codes. Not here: per-packet drop reasons (counters, `router/drop-reasons.ts`) and assertions.
 * A message says what failed, on what, and what was expected.
 */

export type ErrorCode =
  | 'ADDRESS_INVALID'
  | 'ALLOCATION_EXHAUSTED'
  | 'ALLOCATION_CONFLICT'
  | 'API_UNREACHABLE'
  | 'ASSERTION'
  | 'CNI_INVALID'
  | 'COMMAND_FAILED'
  | 'CONFIG_INVALID'
  | 'DECODE_FAILED'
  | 'HANDSHAKE_REJECTED'
  | 'IDENTITY_INVALID'
  | 'PLATFORM_UNSUPPORTED'
  | 'PORT_CLOSED'
  | 'STORE_CORRUPT'
  | 'SYSTEM_CALL_FAILED';

/** The base of all errors this project throws on purpose. */
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

/** Text that should have been an IP address, CIDR, MAC address or socket address and is not. */
export class AddressError extends HeddleError {
  override readonly name = 'AddressError';
  constructor(message: string) {
    super('ADDRESS_INVALID', message);
  }
}

/** Bytes from outside (wire, socket, file) that do not decode. The message never repeats secrets. */
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

/** A program we called (`ip`, `nft`, ...) failed; `stderr` is what it said. */
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

/** A condition that must hold did not: a bug of ours, never the fault of input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new HeddleError('ASSERTION', `assertion failed: ${message}`);
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
