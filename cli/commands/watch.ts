/**
 * Watch of a document (`--watch`): prints it again on every change until it is stopped. The document is requested on every
 * event of the agent's stream; without a stream (the agent restarts, or has none) every two seconds.
 */
import { DIFFERENCES } from '../../common/document-difference.js';
import { HeddleError } from '../../common/errors.js';
import type { ApiClient } from '../api-client.js';
import { printableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

const POLL_MS = 2_000;
/** An event only says when to ask: differences are shorter. */
const EVENTS = `/v1/events?${DIFFERENCES}`;

export interface Watched {
  /** The present document. */
  fetch(): Promise<unknown>;
  /** Prints a document; `first` for the first one. */
  print(document: unknown, first: boolean): void;
}

/** Throws what the first `fetch` throws. Each later failure is reported once, and the watch continues. */
export async function watchDocument(client: ApiClient, watched: Watched, terminal: Terminal): Promise<void> {
  const first = await watched.fetch();
  watched.print(first, true);
  const watcher = new Watcher(watched, terminal, JSON.stringify(first));
  while (!terminal.stop.aborted) {
    await watcher.tolerate('stream', () => client.listen(EVENTS, () => void watcher.refresh()));
    await terminal.delay(POLL_MS);
    await watcher.refresh();
  }
}

type Source = 'stream' | 'document';

class Watcher {
  #refreshing = false;
  /** Another refresh was requested during the present one. */
  #again = false;
  /** Last reported failure of each source; empty while it works. */
  readonly #reported: Record<Source, string> = { stream: '', document: '' };

  constructor(
    private readonly watched: Watched,
    private readonly terminal: Terminal,
    private shown: string,
  ) {}

  /** Makes at most one request at a time. */
  async refresh(): Promise<void> {
    this.#again = true;
    if (this.#refreshing) return;
    this.#refreshing = true;
    while (this.#again && !this.terminal.stop.aborted) {
      this.#again = false;
      await this.tolerate('document', () => this.#printChange());
    }
    this.#refreshing = false;
  }

  async #printChange(): Promise<void> {
    const document = await this.watched.fetch();
    const json = JSON.stringify(document);
    if (json === this.shown || this.terminal.stop.aborted) return;
    this.shown = json;
    this.watched.print(document, false);
  }

  /** Waits for `work`; a failure is reported once until it works again. */
  async tolerate(source: Source, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#reported[source] = '';
    } catch (thrown) {
      if (!(thrown instanceof HeddleError)) throw thrown;
      if (Object.values(this.#reported).includes(thrown.message) || this.terminal.stop.aborted) return;
      this.#reported[source] = thrown.message;
      this.terminal.err(`meshctl: ${printableLines(thrown.message)}; trying again every ${POLL_MS / 1000} s\n`);
    }
  }
}
