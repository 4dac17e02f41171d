/**
 * `--watch`: prints a document again whenever it changed, until the person leaves. The agent's event stream says when to
 * look; while there is none (an agent that restarts, or is too old), it is looked at every two seconds.
 */
import { HeddleError } from '../../common/errors.js';
import type { ApiClient } from '../api-client.js';
import { printableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

const POLL_MS = 2_000;

export interface Watched {
  /** The document now. */
  fetch(): Promise<unknown>;
  /** How it is printed, every time; `first` for the first time. */
  print(document: unknown, first: boolean): void;
}

/** Throws what the first `fetch` throws; later failures are told once each time and waited out. */
export async function watchDocument(client: ApiClient, watched: Watched, terminal: Terminal): Promise<void> {
  const first = await watched.fetch();
  watched.print(first, true);
  const watcher = new Watcher(watched, terminal, JSON.stringify(first));
  while (!terminal.stop.aborted) {
    await watcher.tolerate('stream', () => client.listen('/v1/events', () => void watcher.refresh()));
    await terminal.delay(POLL_MS);
    await watcher.refresh();
  }
}

type Source = 'stream' | 'document';

class Watcher {
  #refreshing = false;
  /** Something changed while the last answer was on its way. */
  #again = false;
  /** What was told last of each source; empty when it works. */
  readonly #told: Record<Source, string> = { stream: '', document: '' };

  constructor(
    private readonly watched: Watched,
    private readonly terminal: Terminal,
    private shown: string,
  ) {}

  /** Never more than one question under way. */
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

  /** Waits for `work`; a failure is told once until it works again. */
  async tolerate(source: Source, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#told[source] = '';
    } catch (thrown) {
      if (!(thrown instanceof HeddleError)) throw thrown;
      if (Object.values(this.#told).includes(thrown.message) || this.terminal.stop.aborted) return;
      this.#told[source] = thrown.message;
      this.terminal.err(`meshctl: ${printableLines(thrown.message)}; looking again every ${POLL_MS / 1000} s\n`);
    }
  }
}
