/** The course of a benchmark: in each round every case once, one after the other, so that all meet the same machine. */
import { messageOf } from '../../common/errors.js';
import { waitUntil } from '../../deploy/demo/wait-until.js';
import { FIGURES } from './bench-plan.js';
import type { BenchOptions, CaseName, CaseRun, Disturbance, FigureName, Figures, TestName } from './bench-plan.js';
import type { BringUp, Ends } from './cases/overlay.js';
import type { Lab } from './lab.js';
import { createNodePair } from './node-pair.js';
import { TESTS } from './traffic-tests.js';

const REACHABLE_TIMEOUT_MS = 20_000;

export interface BenchProgress {
  readonly step: <T>(label: string, work: () => Promise<T>, isGood?: (result: T) => boolean) => Promise<T>;
  readonly line: (text: string) => void;
}

export type Overlays = ReadonlyMap<CaseName, BringUp>;

/** Never throws for a case or test that fails: that is in its {@link CaseRun.problems}. */
export async function runRounds(
  lab: Lab,
  overlays: Overlays,
  options: BenchOptions,
  progress: BenchProgress,
): Promise<CaseRun[]> {
  const runs: CaseRun[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const [name, bringUp] of overlays) {
      const label = `round ${round} of ${options.rounds}: ${name}`;
      const run = await progress.step(
        label,
        () => new CaseMeasurement(lab, name, round, bringUp, options).run(),
        ({ problems }) => problems.length === 0,
      );
      progress.line(`      ${describeFigures(run.figures)}`);
      for (const problem of run.problems) progress.line(`      ${problem}`);
      runs.push(run);
    }
  }
  return runs;
}

/** One case in one round: brought up once for the tests on a sound underlay and once for those on a lossy one. */
class CaseMeasurement {
  readonly #figures: Partial<Record<FigureName, number>> = {};
  readonly #disturbances: Disturbance[] = [];
  readonly #problems: string[] = [];
  #podMtuBytes: number | null = null;

  constructor(
    private readonly lab: Lab,
    private readonly name: CaseName,
    private readonly round: number,
    private readonly bringUp: BringUp,
    private readonly options: BenchOptions,
  ) {}

  async run(): Promise<CaseRun> {
    const { tests } = this.options;
    await this.#measureOver(
      { withHop: false },
      tests.filter((test) => test !== 'loss1'),
    );
    await this.#measureOver(
      { withHop: true },
      tests.filter((test) => test === 'loss1'),
    );
    return {
      case: this.name,
      round: this.round,
      podMtuBytes: this.#podMtuBytes,
      figures: this.#figures,
      disturbances: this.#disturbances,
      problems: this.#problems,
    };
  }

  async #measureOver({ withHop }: { withHop: boolean }, tests: readonly TestName[]): Promise<void> {
    if (tests.length === 0) return;
    const { lab, options } = this;
    await this.#attempt(`bringing up for ${tests.join(', ')}`, async () => {
      const pair = await createNodePair(lab, { ...options, withHop });
      const ends = await this.bringUp(lab, pair);
      await waitReachable(ends);
      this.#podMtuBytes = ends.podMtuBytes;
      for (const test of tests) await this.#attempt(test, () => this.#runTest(test, ends, pair.hop));
    });
    this.#problems.push(...(await lab.clear()));
  }

  async #runTest(test: TestName, ends: Ends, hop: Parameters<(typeof TESTS)[TestName]>[0]['hop']): Promise<void> {
    const { figures, use } = await TESTS[test]({ lab: this.lab, ends, hop, seconds: this.options.seconds });
    Object.assign(this.#figures, figures);
    this.#disturbances.push({ test, cores: use.disturbingCores });
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((thrown: unknown) => this.#problems.push(`${what}: ${messageOf(thrown)}`));
  }
}

async function waitReachable({ client, serverAddress }: Ends): Promise<void> {
  await waitUntil(`${serverAddress} reachable`, REACHABLE_TIMEOUT_MS, () =>
    client.run('ping', ['-n', '-q', '-c', '1', '-W', '1', serverAddress]),
  );
}

function describeFigures(figures: Figures): string {
  const known = FIGURES.filter(({ name }) => figures[name] !== undefined);
  return known.map(({ name, decimals }) => `${name} ${figures[name]?.toFixed(decimals) ?? ''}`).join('  ');
}
