/**
 * Asks the agent over its unix socket (HTTP/1.1). Owns: what went wrong, in words a person can act on. Not here: what the
 * answers mean (`api-answers.ts`).
 */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { ApiAnswerError, ApiUnreachableError, messageOf } from '../common/errors.js';

/** An agent on the same host answers in milliseconds; a stuck one is told from a busy one after this. */
export const DEFAULT_TIMEOUT_MS = 5_000;
/** Bounds what a broken agent can make us hold: thousands of peers fit. */
const MAX_ANSWER_BYTES = 64 << 20;

export interface ApiClient {
  /** The JSON of a successful answer. Throws {@link ApiUnreachableError} or {@link ApiAnswerError}. */
  get(path: string): Promise<unknown>;
  /**
   * Calls `onEvent` whenever the agent says that something changed; resolves when the stream ends.
   * Throws as `get` does when it cannot be opened.
   */
  listen(path: string, onEvent: () => void): Promise<void>;
}

export interface ApiClientOptions {
  readonly socketPath: string;
  /** Until the whole answer is there; a stream only has to begin by then. */
  readonly timeoutMs: number;
  /** Aborts whatever is under way. */
  readonly stop: AbortSignal;
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  return {
    async get(path) {
      const { response, answered } = await send(options, path, 'application/json');
      const text = await readAll(response, options.socketPath).finally(answered);
      return parseAnswer(response.statusCode ?? 0, path, text);
    },
    async listen(path, onEvent) {
      const { response, answered } = await send(options, path, 'text/event-stream');
      answered();
      if (response.statusCode !== 200) {
        response.destroy();
        throw new ApiAnswerError('API_REFUSED', `the agent refused ${path}: status ${response.statusCode ?? 0}`);
      }
      await readEvents(response, onEvent);
    },
  };
}

interface Answering {
  readonly response: IncomingMessage;
  /** Ends the wait for the answer. */
  readonly answered: () => void;
}

/** Resolves with the headers; the body is still to come. */
function send({ socketPath, timeoutMs, stop }: ApiClientOptions, path: string, accept: string): Promise<Answering> {
  return new Promise((resolve, reject) => {
    const headers = { accept, host: 'localhost' };
    const asked = request({ socketPath, path, headers, agent: false, signal: stop });
    let response: IncomingMessage | null = null;
    const timer = setTimeout(() => (response ?? asked).destroy(silence(socketPath, timeoutMs)), timeoutMs);
    const answered = (): void => clearTimeout(timer);
    asked.on('response', (begun) => {
      response = begun;
      resolve({ response: begun, answered });
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      answered();
      reject(unreachable(error, socketPath));
    });
    asked.end();
  });
}

function silence(socketPath: string, timeoutMs: number): ApiUnreachableError {
  return new ApiUnreachableError(
    'silent',
    `the agent on ${socketPath} did not answer within ${timeoutMs / 1000} s: is it stuck? (its log may tell)`,
  );
}

function unreachable(error: NodeJS.ErrnoException, socketPath: string): ApiUnreachableError {
  if (error instanceof ApiUnreachableError) return error;
  const nobody = `no agent is listening on ${socketPath}: is meshd running on this node?`;
  const code = error.code ?? '';
  if (code === 'ENOENT') {
    return new ApiUnreachableError('absent', `${nobody} (there is no such socket; --socket names another)`);
  }
  if (code === 'ECONNREFUSED') {
    return new ApiUnreachableError('absent', `${nobody} (the socket is there, but nobody answers on it)`);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ApiUnreachableError('denied', `permission denied on ${socketPath}: run meshctl as root`);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new ApiUnreachableError('silent', `the agent on ${socketPath} closed the connection: is it restarting?`);
  }
  return new ApiUnreachableError('silent', `cannot ask the agent on ${socketPath}: ${messageOf(error)}`, {
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
          new ApiAnswerError('API_ANSWER_INVALID', `the agent's answer has more than ${MAX_ANSWER_BYTES} bytes`),
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
      `the answer to ${path} (status ${status}) is not JSON: is it an agent that listens there?`,
      {
        cause: thrown,
      },
    );
  }
  if (status >= 200 && status < 300) return body;
  const said =
    typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : `status ${status}`;
  throw new ApiAnswerError('API_REFUSED', `the agent refused ${path}: ${said}`);
}

/** Every `event:` line is one change; what it carries is asked for anew, so nothing is kept. */
function readEvents(response: IncomingMessage, onEvent: () => void): Promise<void> {
  return new Promise((resolve) => {
    let lineStart = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      for (const [i, part] of chunk.split('\n').entries()) {
        if (i > 0) lineStart = '';
        // The longest line is a snapshot of the whole topology; only its beginning is kept.
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
