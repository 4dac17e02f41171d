/**
 * Client of the Kubernetes API server over HTTPS, or HTTP for `kubectl proxy`. The token is read anew for each request, since
 * the kubelet replaces its file every hour; over HTTP no token is sent.
 */
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { messageOf, KubernetesError } from '../common/errors.js';
import type { ApiServer, Form, PatchType } from './api-server.js';

const ANSWER_WITHIN_MS = 15_000;
/** A list of 500 nodes has about 3 MiB. */
const MAX_ANSWER_BYTES = 32 << 20;
/** A Node has about 10 KiB, and etcd takes no object beyond 1.5 MiB. */
const MAX_EVENT_CHARACTERS = 4 << 20;
/** Of a refusal's text, in its error. */
const MAX_REASON_CHARACTERS = 300;
const KEEP_ALIVE_MS = 30_000;
/** A server that does not know the form answers with whole objects. */
const METADATA = { list: metadataAs('PartialObjectMetadataList'), event: metadataAs('PartialObjectMetadata') };

export interface HttpsApiServerOptions {
  readonly url: URL;
  /** Folder with `token` and `ca.crt`, as the kubelet mounts it for a service account. */
  readonly credentials: string;
  /** Rejects when the file cannot be read. */
  readonly readFile: (path: string) => Promise<string>;
}

interface Request {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly accept?: string;
  /** JSON, with its media type. */
  readonly body: { readonly type: string; readonly text: string } | null;
}

export class HttpsApiServer implements ApiServer {
  constructor(readonly options: HttpsApiServerOptions) {}

  get name(): string {
    return this.options.url.origin;
  }

  get(path: string, form: Form = 'whole'): Promise<unknown> {
    return this.#exchange({ method: 'GET', path, body: null, ...(form === 'metadata' && { accept: METADATA.list }) });
  }

  patch(path: string, type: PatchType, body: unknown): Promise<unknown> {
    return this.#exchange({ method: 'PATCH', path, body: { type, text: JSON.stringify(body) } });
  }

  async create(path: string, object: unknown): Promise<void> {
    await this.#exchange({ method: 'POST', path, body: { type: 'application/json', text: JSON.stringify(object) } });
  }

  async #exchange(request: Request): Promise<unknown> {
    const { path } = request;
    const answer = await this.#ask(request, AbortSignal.timeout(ANSWER_WITHIN_MS));
    const text = await this.#text(answer, path);
    try {
      return JSON.parse(text) as unknown;
    } catch (thrown) {
      throw this.#failed(path, `expected JSON: ${messageOf(thrown)}`, null, thrown);
    }
  }

  async watch(
    path: string,
    onEvent: (event: unknown) => void,
    signal: AbortSignal,
    form: Form = 'whole',
  ): Promise<void> {
    const accept = form === 'metadata' ? { accept: METADATA.event } : {};
    const answer = await this.#ask({ method: 'GET', path, body: null, ...accept }, signal);
    try {
      let rest = '';
      for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop()!;
        for (const line of lines) if (line !== '') onEvent(JSON.parse(line));
        if (rest.length > MAX_EVENT_CHARACTERS) {
          throw this.#failed(path, `an event has more than ${MAX_EVENT_CHARACTERS} characters`, null);
        }
      }
    } catch (thrown) {
      if (thrown instanceof KubernetesError) throw thrown;
      throw this.#failed(path, messageOf(thrown), null, thrown);
    } finally {
      answer.destroy();
    }
  }

  /** The answer, when its status is 200 or 201. */
  async #ask(request: Request, signal: AbortSignal): Promise<IncomingMessage> {
    const { path } = request;
    const answer = await this.#send(request, signal);
    const status = answer.statusCode ?? 0;
    if (status === 200 || status === 201) return answer;
    const reason = reasonOf(await this.#text(answer, path));
    throw this.#failed(path, `status ${status}: ${reason}`, status);
  }

  async #send(
    { method, path, accept = 'application/json', body }: Request,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { url } = this.options;
    const isSecure = url.protocol === 'https:';
    const options: RequestOptions = {
      ...(isSecure ? await this.#credentials(path) : {}),
      signal,
      method,
      headers: {
        accept,
        ...(body === null ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
        ...(isSecure ? await this.#authorization(path) : {}),
      },
    };
    return new Promise((resolve, reject) => {
      const target = new URL(path, url);
      const sent: ClientRequest = isSecure ? httpsRequest(target, options) : httpRequest(target, options);
      sent.on('response', resolve);
      sent.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
      sent.on('error', (error) => reject(this.#failed(path, reasonOfError(error), null, error)));
      sent.end(body?.text);
    });
  }

  async #credentials(path: string): Promise<RequestOptions> {
    return { ca: await this.#file(path, 'ca.crt') };
  }

  async #authorization(path: string): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${(await this.#file(path, 'token')).trim()}` };
  }

  async #file(path: string, name: string): Promise<string> {
    try {
      return await this.options.readFile(join(this.options.credentials, name));
    } catch (thrown) {
      throw this.#failed(path, messageOf(thrown), null, thrown);
    }
  }

  async #text(answer: IncomingMessage, path: string): Promise<string> {
    let text = '';
    try {
      for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
        text += chunk;
        if (text.length > MAX_ANSWER_BYTES) throw this.#failed(path, `more than ${MAX_ANSWER_BYTES} bytes`, null);
      }
    } catch (thrown) {
      if (thrown instanceof KubernetesError) throw thrown;
      throw this.#failed(path, messageOf(thrown), null, thrown);
    } finally {
      answer.destroy();
    }
    return text;
  }

  #failed(path: string, reason: string, status: number | null, cause?: unknown): KubernetesError {
    return new KubernetesError(status, `${this.name}${path.split('?')[0]!}: ${reason}`, { cause });
  }
}

function metadataAs(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;
}

/** The message of a Status object, or the beginning of what was answered. */
function reasonOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message.slice(0, MAX_REASON_CHARACTERS);
  } catch {
    // A proxy in between answers with a page of its own.
  }
  return text.trim().slice(0, MAX_REASON_CHARACTERS);
}

function reasonOfError(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_WITHIN_MS / 1000} s`;
  return messageOf(error);
}
