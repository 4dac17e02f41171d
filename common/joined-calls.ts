/**
 * Calls made together: those that come while earlier ones are made wait, and are then made at once. For work of which most is a
 * price for each time, whatever the number of calls: the start of a program, a synced write.
 */

/** Makes all calls and gives the outcome of each, in order. When it rejects, all have failed. */
export type MakeCalls<Call> = (calls: readonly Call[]) => Promise<readonly PromiseSettledResult<void>[]>;

interface Waiting<Call> {
  readonly call: Call;
  readonly settle: (outcome: PromiseSettledResult<void>) => void;
}

export class JoinedCalls<Call> {
  /** Bounded by the callers. */
  readonly #waiting: Waiting<Call>[] = [];
  #running = false;

  /** @param maxTogether so that the first of them does not wait long for the others */
  constructor(
    private readonly make: MakeCalls<Call>,
    private readonly maxTogether: number,
  ) {}

  /** Whether no call is made or waits. */
  get isIdle(): boolean {
    return !this.#running;
  }

  /** Settles as the call does. */
  run(call: Call): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: PromiseSettledResult<void>): void =>
        outcome.status === 'fulfilled' ? resolve() : reject(outcome.reason as Error);
      this.#waiting.push({ call, settle });
      if (!this.#running) void this.#makeAll();
    });
  }

  async #makeAll(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, this.maxTogether);
      const [made] = await Promise.allSettled([this.make(together.map(({ call }) => call))]);
      together.forEach(({ settle }, i) => settle(made.status === 'fulfilled' ? made.value[i]! : made));
    }
    this.#running = false;
  }
}
