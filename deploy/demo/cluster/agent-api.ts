/** Asks an agent over its unix socket, which any network namespace can reach. Types: `common/api.ts`. */
import { request } from 'node:http';
import type { Endpoint, Peer, Status, Topology } from '../../../common/api.js';
import { DecodeError, HeddleError, messageOf } from '../../../common/errors.js';

const TIMEOUT_MS = 2000;
const MAX_ANSWER_BYTES = 4 << 20;

export class AgentApi {
  constructor(readonly socketPath: string) {}

  status(): Promise<Status> {
    return this.#get<Status>('/v1/status');
  }

  peers(): Promise<Peer[]> {
    return this.#get<Peer[]>('/v1/peers');
  }

  endpoints(): Promise<Endpoint[]> {
    return this.#get<Endpoint[]>('/v1/endpoints');
  }

  /** Asking makes the agent ask the others: what they tell is in a later answer. */
  topology(): Promise<Topology> {
    return this.#get<Topology>('/v1/topology');
  }

  /** Trusts the agent for the shape. Throws API_UNREACHABLE or {@link DecodeError}. */
  async #get<T>(path: string): Promise<T> {
    const { status, body } = await this.#exchange(path);
    if (status !== 200) throw new DecodeError(`${path} answered ${status}: ${body.slice(0, 200)}`);
    try {
      return JSON.parse(body) as T;
    } catch (thrown) {
      throw new DecodeError(`${path} is not JSON: ${messageOf(thrown)}`);
    }
  }

  #exchange(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        reject(new HeddleError('API_UNREACHABLE', `${this.socketPath}: ${error.message}`, { cause: error }));
      };
      const options = { socketPath: this.socketPath, path, timeout: TIMEOUT_MS, headers: { host: 'localhost' } };
      const asked = request(options, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
          if (body.length > MAX_ANSWER_BYTES) answer.destroy(new DecodeError(`${path} answered without end`));
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body })).on('error', fail);
      });
      asked.on('timeout', () => asked.destroy(new DecodeError(`no answer within ${TIMEOUT_MS} ms`))).on('error', fail);
      asked.end();
    });
  }
}
