/**
 * Client of the agent's API over its unix socket (HTTP/1.1). Its errors say what failed and what to do. Not here: the shape
 * of answers (`api-answers.ts`).
 */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { ApiAnswerError, ApiUnreachableError, codeOf, messageOf } from '../common/errors.js';

/** An agent on the same host answers in milliseconds; one that takes longer than this is taken for hung. */
export const DEFAULT_TIMEOUT_MS = 5_000;
/** Of an answer; thousands of peers fit. */
const MAX_ANSWER_BYTES = 64 << 20;

export interface ApiClient {
  /** The JSON of a successful answer. Throws {@link ApiUnreachableError} or {@link ApiAnswerError}. */
  get(path: string): Promise<unknown>;
  /** The same for a request that changes something. */
  change(method: 'PUT' | 'DELETE', path: string): Promise<unknown>;
  /**
   * Calls `onEvent` on every event of the stream at `path`; resolves when the stream ends.
   * Throws as `get` does when it cannot be opened.
   */
  listen(path: string, onEvent: () => void): Promise<void>;
}

export interface ApiClientOptions {
  readonly socketPath: string;
  /** Until the end of an answer, or the beginning of a stream. */
  readonly timeoutMs: number;
  /** Aborts pending requests. */
  readonly stop: AbortSignal;
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  return {
    get: (path) => ask(options, 'GET', path),
    change: (method, path) => ask(options, method, path),
    async listen(path, onEvent) {
      const { response, answered } = await send(options, 'GET', path, 'text/event-stream');
      answered();
      if (response.statusCode !== 200) {
        response.destroy();
        throw new ApiAnswerError('API_REFUSED', `the agent answered ${path} with status ${response.statusCode ?? 0}`);
      }
      await readEvents(response, onEvent);
    },
  };
}

interface Answering {
  readonly response: IncomingMessage;
  /** Ends the timeout. */
  readonly answered: () => void;
}

async function ask(options: ApiClientOptions, method: string, path: string): Promise<unknown> {
  const { response, answered } = await send(options, method, path, 'application/json');
  const text = await readAll(response, options.socketPath).finally(answered);
  return parseAnswer(response.statusCode ?? 0, path, text);
}

/** Resolves when the headers have come. */
function send(
  { socketPath, timeoutMs, stop }: ApiClientOptions,
  method: string,
  path: string,
  accept: string,
): Promise<Answering> {
  return new Promise((resolve, reject) => {
    const headers = { accept, host: 'localhost' };
    const asked = request({ socketPath, method, path, headers, agent: false, signal: stop });
    let response: IncomingMessage | null = null;
    const timer = setTimeout(() => (response ?? asked).destroy(silence(socketPath, timeoutMs)), timeoutMs);
    const answered = (): void => clearTimeout(timer);
    asked.on('response', (begun) => {
      response = begun;
      resolve({ response: begun, answered });
    });
    asked.on('error', (error) => {
      answered();
      reject(unreachable(error, socketPath));
    });
    asked.end();
  });
}

function silence(socketPath: string, timeoutMs: number): ApiUnreachableError {
  return new ApiUnreachableError(
    'silent',
    `the agent on ${socketPath} did not answer within ${timeoutMs / 1000} s: see its log, or restart it`,
  );
}

function unreachable(error: Error, socketPath: string): ApiUnreachableError {
  if (error instanceof ApiUnreachableError) return error;
  const absent = `no agent is listening on ${socketPath}: start meshd on this node, or name another socket with --socket`;
  const code = codeOf(error);
  if (code === 'ENOENT') {
    return new ApiUnreachableError('absent', `${absent} (the socket does not exist)`);
  }
  if (code === 'ECONNREFUSED') {
    return new ApiUnreachableError('absent', `${absent} (the socket exists, but no process listens on it)`);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ApiUnreachableError('denied', `permission denied on ${socketPath}: run meshctl as root`);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new ApiUnreachableError(
      'silent',
      `the agent on ${socketPath} closed the connection: it may be restarting, try again`,
    );
  }
  return new ApiUnreachableError('silent', `request to the agent on ${socketPath} failed: ${messageOf(error)}`, {
    cause: error,
  });
}

function readAll(response: IncomingMessage, socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
      else
        response.destroy(
          new ApiAnswerError('API_ANSWER_INVALID', `the agent's answer exceeds ${MAX_ANSWER_BYTES} bytes`),
        );
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    response.on('error', (error) => reject(error instanceof ApiAnswerError ? error : unreachable(error, socketPath)));
  });
}

function parseAnswer(status: number, path: string, text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    throw new ApiAnswerError(
      'API_ANSWER_INVALID',
      `the answer to ${path} (status ${status}) is not JSON: another program may listen on this socket`,
      {
        cause: thrown,
      },
    );
  }
  if (status >= 200 && status < 300) return body;
  const said =
    typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : `status ${status}`;
  throw new ApiAnswerError('API_REFUSED', `the agent answered ${path}: ${said}`);
}

/** Every `event:` line is one event. Its data is not read: the caller requests the document again. */
function readEvents(response: IncomingMessage, onEvent: () => void): Promise<void> {
  return new Promise((resolve) => {
    let lineStart = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      for (const [i, part] of chunk.split('\n').entries()) {
        if (i > 0) lineStart = '';
        // Only the beginning of a line is kept; the longest one is a snapshot of the whole topology.
        if (lineStart.length < 'event:'.length) {
          const before = lineStart;
          lineStart = (lineStart + part).slice(0, 'event:'.length);
          if (lineStart === 'event:' && before !== lineStart) onEvent();
        }
      }
    });
    response.on('close', resolve);
    response.on('error', () => resolve());
  });
}
