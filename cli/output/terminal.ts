/** Terminal of `meshctl`: output, environment, clock and stop signal, as an interface that tests replace. */

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Columns of the terminal; null when standard output is not a terminal. */
  readonly columns: number | null;
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Resolves after `delayMs`, or at once when `stop` is aborted. */
  delay(delayMs: number): Promise<void>;
  /** Aborted to end a `--watch`. */
  readonly stop: AbortSignal;
}

/**
 * Terminal of this process. The first SIGINT or SIGTERM, or a closed output (`meshctl peers --watch | head`), aborts `stop`;
 * a second signal ends the process.
 */
export function processTerminal(): Terminal {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  process.stdout.on('error', stop);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    columns: process.stdout.isTTY ? process.stdout.columns : null,
    nowMs: () => Date.now(),
    delay: (delayMs) => abortableDelay(delayMs, stopping.signal),
    stop: stopping.signal,
  };
}

function abortableDelay(delayMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, delayMs);
    stop.addEventListener('abort', finish);
  });
}
