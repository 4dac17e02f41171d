/**
 * Supervision of the API's servers: a port or socket that is taken is tried again until it is free, since the node
 * carries traffic without an API. A configuration that can never work is an error at once.
 */
import { ConfigError, messageOf } from '../../common/errors.js';
import type { ApiServer } from './start-api.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';

const RETRY_MS = 5_000;

export interface ApiKeeperOptions {
  readonly start: () => Promise<ApiServer>;
  readonly clock: Clock;
  readonly notices: NoticeLog;
}

export class ApiKeeper {
  #server: ApiServer | null = null;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(readonly options: ApiKeeperOptions) {}

  /** Resolves after the first attempt. Rejects with {@link ConfigError} only. */
  async start(): Promise<void> {
    try {
      this.#server = await this.options.start();
    } catch (thrown) {
      if (thrown instanceof ConfigError) throw thrown;
      this.options.notices.write('error', 'the API cannot listen', { error: messageOf(thrown) }, 'api');
      this.#cancel = this.options.clock.after(RETRY_MS, () => void this.#retry());
      return;
    }
    if (this.#stopped) return this.#server.close();
    this.options.notices.log.info({ url: this.#server.url }, 'API listens');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#server?.close();
  }

  async #retry(): Promise<void> {
    if (!this.#stopped) await this.start();
  }
}
