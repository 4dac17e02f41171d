/** Client of the Container Runtime Interface over its unix socket, as a kubelet: gRPC, which is HTTP/2. */
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { DemoError } from '../../common/errors.js';
import { decode, encode } from './cri-messages.js';
import type { Message, MessageName } from './cri-messages.js';

/** Request and answer of the methods of `runtime.v1.RuntimeService`. */
const METHODS = {
  Status: ['Id', 'Status'],
  RunPodSandbox: ['RunSandbox', 'Id'],
  PodSandboxStatus: ['Id', 'SandboxStatusAnswer'],
  StopPodSandbox: ['Id', 'Empty'],
  RemovePodSandbox: ['Id', 'Empty'],
  CreateContainer: ['CreateContainer', 'Id'],
  StartContainer: ['Id', 'Empty'],
  StopContainer: ['StopContainer', 'Empty'],
  ExecSync: ['Exec', 'ExecAnswer'],
} as const satisfies Record<string, readonly [MessageName, MessageName]>;

/** Before each message: not compressed, and its length. */
const PREFIX_BYTES = 5;

export class CriClient {
  readonly #session: ClientHttp2Session;

  constructor(socketPath: string) {
    this.#session = connectHttp2('http://localhost', { createConnection: () => connect(socketPath) });
    this.#session.on('error', () => {
      /* the call that waits fails too, and reports it */
    });
  }

  async call(method: keyof typeof METHODS, request: Message): Promise<Message> {
    const [requestName, answerName] = METHODS[method];
    const body = encode(requestName, request);
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(body.length, 1);
    const { status, answer } = await this.#exchange(method, Buffer.concat([prefix, body]));
    if (status['grpc-status'] !== '0') {
      throw new DemoError(`${method}: ${decodeURIComponent(String(status['grpc-message'] ?? 'no status'))}`);
    }
    return decode(answerName, answer.subarray(PREFIX_BYTES));
  }

  close(): void {
    this.#session.destroy();
  }

  /** The status comes in trailers, or in the headers when there is no answer. */
  #exchange(method: string, body: Buffer): Promise<{ status: IncomingHttpHeaders; answer: Buffer }> {
    const stream = this.#session.request({
      ...{ ':method': 'POST', ':path': `/runtime.v1.RuntimeService/${method}` },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    const chunks: Buffer[] = [];
    let status: IncomingHttpHeaders = {};
    const notice = (headers: IncomingHttpHeaders): void => {
      if (headers['grpc-status'] !== undefined) status = headers;
    };
    return new Promise((resolve, reject) => {
      stream.on('response', notice).on('trailers', notice).on('error', reject);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('close', () => resolve({ status, answer: Buffer.concat(chunks) }));
      stream.end(body);
    });
  }
}
