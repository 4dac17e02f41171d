/**
 * CNI executable for hosts with Node: a relay to the agent's unix socket. Behaves as heddle-cni.c, which describes it;
 * relay.test.ts tests both. The build bundles it into one file, so it imports Node's own modules only. Bytes:
 * `cni/relay/relay-protocol.ts`.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';

const MAX_REQUEST_BYTES = 1 << 20;
const MAX_ANSWER_BYTES = 4 << 20;
const DEFAULT_TIMEOUT_MS = 10_000;
/** An agent that ends before it answers is started again; every call may be repeated. */
const RETRY_MS = 100;
const NOT_READY_RETRY_MS = 500;
/** The CNI code 11 as the agent writes it. */
const TRY_AGAIN_LATER = '"code":11,';
const TOO_LARGE = `environment and standard input exceed ${MAX_REQUEST_BYTES} bytes`;
const SUPPORTED_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

const env = process.env;
const timeoutMs = Number(env['HEDDLE_CNI_TIMEOUT_MS']) > 0 ? Number(env['HEDDLE_CNI_TIMEOUT_MS']) : DEFAULT_TIMEOUT_MS;
const deadlineMs = performance.now() + timeoutMs;

gatherStdin(
  (stdin) => {
    const request = Buffer.concat([environmentBytes(), stdin]);
    if (request.length > MAX_REQUEST_BYTES) {
      finish(1, errorText(stdin, 6, 'cannot read the call', TOO_LARGE));
    }
    const path = findPath('HEDDLE_CNI_SOCKET', 'heddle-cni.socket', '/run/heddle/cni.sock');
    const isAdd = env['CNI_COMMAND'] === 'ADD';
    let accepted = false;
    const ask = (): void =>
      askAgent(
        path,
        request,
        () => (accepted = true),
        (answer) => {
          const isReady = answer[0] !== 1 || !answer.includes(TRY_AGAIN_LATER);
          if (isAdd && !isReady && leftMs() > NOT_READY_RETRY_MS) setTimeout(ask, NOT_READY_RETRY_MS);
          else finish(answer[0] ?? 1, answer.subarray(1));
        },
        (reason) => {
          if ((accepted || isAdd) && leftMs() > RETRY_MS) setTimeout(ask, RETRY_MS);
          else answerWithoutAgent(request, stdin, reason);
        },
      );
    ask();
  },
  (reason, stdin) => finish(1, errorText(stdin, 6, 'cannot read the call', reason)),
);

function leftMs(): number {
  return Math.max(1, deadlineMs - performance.now());
}

function environmentBytes(): Buffer {
  const entries = Object.entries(env).filter(([key]) => key.startsWith('CNI_'));
  return Buffer.from(`heddle-cni/1\0${entries.map(([key, value]) => `${key}=${value}\0`).join('')}\0`);
}

function gatherStdin(done: (stdin: Buffer) => void, failed: (reason: string, stdin: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(
    () => failed(`standard input did not end within ${timeoutMs} ms`, Buffer.concat(chunks)),
    leftMs(),
  );
  const end = () => {
    clearTimeout(timer);
    done(Buffer.concat(chunks));
  };
  process.stdin.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > MAX_REQUEST_BYTES) failed(TOO_LARGE, Buffer.concat(chunks));
  });
  process.stdin.once('end', end);
  process.stdin.once('error', end);
}

function askAgent(
  path: string,
  request: Buffer,
  accepted: () => void,
  done: (answer: Buffer) => void,
  failed: (reason: string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let settled = false;
  const socket = createConnection({ path, allowHalfOpen: true });
  const timer = setTimeout(() => settle(`agent at ${path} did not answer within ${timeoutMs} ms`), leftMs());
  const settle = (reason: string | null) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    socket.destroy();
    if (reason === null) done(Buffer.concat(chunks));
    else failed(reason);
  };
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > MAX_ANSWER_BYTES) settle(`agent at ${path} answered more than ${MAX_ANSWER_BYTES} bytes`);
  });
  socket.on('end', () => settle(bytes > 0 ? null : `agent at ${path} closed the connection without an answer`));
  socket.on('error', (error) => settle(`cannot reach ${path}: ${error.message}`));
  socket.once('finish', accepted);
  socket.end(request);
}

function answerWithoutAgent(request: Buffer, stdin: Buffer, reason: string): void {
  const command = env['CNI_COMMAND'] ?? '';
  if (command === 'VERSION') {
    finish(0, `${JSON.stringify({ cniVersion: specVersion(stdin), supportedVersions: SUPPORTED_VERSIONS })}\n`);
  }
  if (command === 'DEL' || command === 'GC') {
    const outcome = writeDeferredDelete(command, request);
    process.stderr.write(`heddle-cni: agent not reachable (${reason}); ${command} ${outcome}\n`);
    finish(0, '');
  }
  if (command === 'STATUS') finish(1, errorText(stdin, 50, 'heddle agent is not reachable', reason));
  finish(1, errorText(stdin, 11, 'try again later: heddle agent is not reachable', reason));
}

function writeDeferredDelete(command: 'DEL' | 'GC', request: Buffer): string {
  const spool = findPath('HEDDLE_CNI_SPOOL', 'heddle-cni.spool', '/var/lib/heddle/deferred-deletes');
  const temporary = join(spool, `.tmp-${process.pid}-${Math.floor(performance.now())}`);
  try {
    mkdirSync(spool, { recursive: true, mode: 0o755 });
    writeFileSync(temporary, request, { mode: 0o600, flag: 'wx' });
    syncPath(temporary);
    renameSync(temporary, join(spool, `${command.toLowerCase()}-${attachmentHash(command === 'DEL')}`));
    syncPath(spool);
    return 'is deferred, the next agent performs it';
  } catch (thrown) {
    return `could not be deferred, its file cannot be written: ${String(thrown)}`;
  }
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** Hash of the attachment (FNV-1a, 64 bit), so that a repeated DEL replaces its own file. All GC calls share one file. */
function attachmentHash(isDel: boolean): string {
  const text = isDel ? `${env['CNI_CONTAINERID'] ?? ''}\n${env['CNI_IFNAME'] ?? ''}` : '\n';
  let hash = 14695981039346656037n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 1099511628211n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, '0');
}

/** Path from the environment, else from the first line of a file beside the executable, else the default. */
function findPath(variable: string, file: string, standard: string): string {
  const given = env[variable];
  if (given) return given;
  try {
    const beside = join(dirname(realpathSync(process.argv[1] ?? '')), file);
    return readFileSync(beside, 'utf8').split(/\r?\n/, 1)[0] || standard;
  } catch {
    return standard; // no such file, as on most hosts
  }
}

/** cniVersion of the configuration: the first string after that key, or the default. */
function specVersion(stdin: Buffer): string {
  return /"cniVersion"[ \t\r\n:]*"([0-9.]{1,15})"/.exec(stdin.toString('latin1'))?.[1] ?? '1.0.0';
}

function errorText(stdin: Buffer, code: number, msg: string, details: string): string {
  return `${JSON.stringify({ cniVersion: specVersion(stdin), code, msg, details })}\n`;
}

function finish(exitCode: number, stdout: string | Uint8Array): never {
  writeFileSync(1, stdout);
  process.exit(exitCode);
}
