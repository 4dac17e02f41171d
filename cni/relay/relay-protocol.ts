/**
 * Protocol between the CNI executable and the agent over a unix stream socket: one request and one response per connection,
 * each ended by EOF. The meaning of a request is in `call/request.ts`.
 *
 * ```
 *  request   "heddle-cni/1" 00 | "CNI_COMMAND=ADD" 00 | "CNI_IFNAME=eth0" 00 | ... | 00 | standard input ...
 *  response  exit code (1 byte) | standard output ...
 * ```
 */
import { DecodeError } from '../../common/errors.js';

const RELAY_MAGIC = 'heddle-cni/1';
/** Of a whole request, standard input included. */
export const MAX_REQUEST_BYTES = 1 << 20;
/** Variables of other names are not sent. */
const VARIABLE = /^CNI_[A-Z0-9_]{1,60}$/;
const MAX_VARIABLES = 64;

/** One call of the executable: its `CNI_*` environment and its standard input. */
export interface CniRequest {
  readonly env: ReadonlyMap<string, string>;
  readonly stdin: Uint8Array;
}

/** What the executable prints and exits with. */
export interface CniResponse {
  readonly exitCode: number;
  readonly stdout: string;
}

export function encodeRelayRequest(request: CniRequest): Uint8Array {
  const entries = [...request.env].map(([key, value]) => `${key}=${value}\0`).join('');
  return Buffer.concat([Buffer.from(`${RELAY_MAGIC}\0${entries}\0`), request.stdin]);
}

/** Throws {@link DecodeError}. A variable that occurs twice is refused. */
export function decodeRelayRequest(bytes: Uint8Array): CniRequest {
  if (bytes.length > MAX_REQUEST_BYTES) {
    throw new DecodeError(`relay request of ${bytes.length} bytes exceeds the limit of ${MAX_REQUEST_BYTES}`);
  }
  const magic = field(bytes, 0);
  if (magic.text !== RELAY_MAGIC) throw new DecodeError(`relay request does not begin with "${RELAY_MAGIC}"`);
  const env = new Map<string, string>();
  for (let at = magic.next; ;) {
    const entry = field(bytes, at);
    at = entry.next;
    if (entry.text === '') return { env, stdin: bytes.subarray(at) };
    const [key, value] = splitEntry(entry.text);
    if (env.has(key)) throw new DecodeError(`relay request has ${key} twice`);
    if (env.size === MAX_VARIABLES) throw new DecodeError(`relay request has more than ${MAX_VARIABLES} variables`);
    env.set(key, value);
  }
}

export function encodeRelayResponse(response: CniResponse): Uint8Array {
  return Buffer.concat([Uint8Array.of(response.exitCode), Buffer.from(response.stdout)]);
}

/** Throws {@link DecodeError} on an empty response, which means that the agent ended. */
export function decodeRelayResponse(bytes: Uint8Array): CniResponse {
  const exitCode = bytes[0];
  if (exitCode === undefined)
    throw new DecodeError('relay response is empty (expected an exit code): the agent closed the connection');
  return { exitCode, stdout: Buffer.from(bytes.subarray(1)).toString() };
}

function field(bytes: Uint8Array, at: number): { text: string; next: number } {
  const end = bytes.indexOf(0, at);
  if (end < 0) throw new DecodeError('relay request ends before the end of its environment');
  return { text: Buffer.from(bytes.subarray(at, end)).toString(), next: end + 1 };
}

function splitEntry(text: string): [key: string, value: string] {
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(equals, 0));
  if (!VARIABLE.test(key)) throw new DecodeError('relay request has an entry that is not CNI_NAME=value');
  return [key, text.slice(equals + 1)];
}
