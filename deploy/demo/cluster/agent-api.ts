/** Client of one agent's API over its unix socket, which is reachable from any network namespace. */
import type { Endpoint, Peer, Status, Topology } from '../../../common/api.js';
import { createApiClient, readEndpoints, readPeers, readStatus, readTopology } from '../../../cli/index.js';
import type { ApiClient } from '../../../cli/index.js';

const TIMEOUT_MS = 2000;

export class AgentApi {
  readonly #client: ApiClient;

  constructor(readonly socketPath: string) {
    this.#client = createApiClient({ socketPath, timeoutMs: TIMEOUT_MS, stop: new AbortController().signal });
  }

  status(): Promise<Status> {
    return this.#get('/v1/status', readStatus);
  }

  peers(): Promise<Peer[]> {
    return this.#get('/v1/peers', readPeers);
  }

  endpoints(): Promise<Endpoint[]> {
    return this.#get('/v1/endpoints', readEndpoints);
  }

  /** A call makes the agent ask its peers; their reports are in a later answer. */
  topology(): Promise<Topology> {
    return this.#get('/v1/topology', readTopology);
  }

  /** Rejects with ApiUnreachableError or ApiAnswerError. */
  async #get<Document>(path: string, read: (answer: unknown, path: string) => Document): Promise<Document> {
    return read(await this.#client.get(path), path);
  }
}
