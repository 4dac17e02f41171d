/** The real API over a fake source in a temporary directory, for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../common/log.js';
import type { ApiOptions, ApiServer } from '../start-api.js';
import { FakeSource } from './fake-source.js';
import { startApi } from '../start-api.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly host?: string;
  /** Over TCP; over the unix socket without. */
  readonly url?: string | null;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiHarness {
  readonly source = new FakeSource();
  readonly socketPath: string;
  /** How often the API said that someone watches the topology. */
  watched = 0;
  readonly #running: ApiServer[] = [];

  private constructor(readonly directory: string) {
    this.socketPath = join(directory, 'run', 'api.sock');
  }

  static async create(): Promise<ApiHarness> {
    return new ApiHarness(await mkdtemp(join(tmpdir(), 'heddle-api-')));
  }

  async start(options: Partial<ApiOptions> = {}): Promise<ApiServer> {
    const server = await startApi({
      source: this.source,
      socketPath: this.socketPath,
      address: '127.0.0.1',
      port: 0,
      metrics: { address: '', port: 0 },
      webRoot: null,
      logger: silentLogger(),
      onTopologyWatched: () => (this.watched += 1),
      eventTiming: { minIntervalMs: 5, maxIntervalMs: 10, heartbeatMs: 20 },
      ...options,
    });
    this.#running.push(server);
    return server;
  }

  /** Starts with TCP and gives its URL. */
  async startUrl(options: Partial<ApiOptions> = {}): Promise<string> {
    return (await this.start(options)).url ?? '';
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#running.map((server) => server.close()));
    await rm(this.directory, { recursive: true });
  }

  /** The answer's head; its body is the caller's to read. */
  open(
    path: string,
    { method = 'GET', host = 'localhost', url = null, body, headers }: AskOptions = {},
  ): Promise<IncomingMessage> {
    const base = url === null ? { socketPath: this.socketPath } : { host: '127.0.0.1', port: new URL(url).port };
    return new Promise((resolve, reject) => {
      const sent = request({ ...base, path, method, headers: { host, ...headers }, agent: false }, resolve);
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async ask(path: string, options: AskOptions = {}): Promise<Answer> {
    const answer = await this.open(path, options);
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(parts).toString() };
  }

  /** Asks until exactly `count` clients listen to events. */
  async waitForClients(count: number): Promise<void> {
    while (!(await this.ask('/metrics')).text.includes(`heddle_api_event_clients ${count}\n`));
  }
}

export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>;
}

/** Reads a stream until `wanted` appears in it, and ends it. */
export async function readUntil(stream: IncomingMessage, wanted: string): Promise<string> {
  let text = '';
  for await (const part of stream) {
    text += (part as Buffer).toString();
    if (text.includes(wanted)) break;
  }
  return text;
}

/** What the server at `url` answers to bytes that no HTTP client would send. */
export function sendRaw(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (part) => (text += part.toString()));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}
