/** Course of a benchmark: every round measures every case once, so that all cases share the machine's conditions. */
import { messageOf } from '../../common/errors.js';
import { FIGURES, isTrafficTest } from './bench-plan.js';
import type {
  BenchOptions,
  CaseName,
  CaseRun,
  Disturbance,
  FigureName,
  Figures,
  TestName,
  TestResult,
  TrafficTestName,
} from './bench-plan.js';
import { waitReachable } from './cases/overlay.js';
import type { BringUp } from './cases/overlay.js';
import type { Trial } from './heddle-trials.js';
import type { Lab } from './lab.js';
import { createNodePair } from './node-pair.js';
import { TESTS } from './traffic-tests.js';
import type { Bench } from './traffic-tests.js';

export interface BenchProgress {
  readonly step: <T>(label: string, work: () => Promise<T>, isGood?: (result: T) => boolean) => Promise<T>;
  readonly line: (text: string) => void;
}

export interface MeasuredCase {
  readonly name: CaseName;
  readonly bringUp: BringUp;
  /** Tests that start nodes of their own. */
  readonly trials: readonly Trial[];
}

/** Never throws for a case or test that fails; errors are in {@link CaseRun.problems}. */
export async function runRounds(
  lab: Lab,
  cases: readonly MeasuredCase[],
  options: BenchOptions,
  progress: BenchProgress,
): Promise<CaseRun[]> {
  const runs: CaseRun[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const measured of cases) {
      const label = `round ${round} of ${options.rounds}: ${measured.name}`;
      const run = await progress.step(
        label,
        () => new CaseMeasurement(lab, measured, round, options).run(),
        ({ problems }) => problems.length === 0,
      );
      progress.line(`      ${describeFigures(run.figures)}`);
      for (const problem of run.problems) progress.line(`      ${problem}`);
      runs.push(run);
    }
  }
  return runs;
}

/** One case in one round: brought up once for the tests on a sound underlay, once for those on a lossy one, then its trials. */
class CaseMeasurement {
  readonly #figures: Partial<Record<FigureName, number>> = {};
  readonly #disturbances: Disturbance[] = [];
  readonly #problems: string[] = [];
  #podMtuBytes: number | null = null;

  constructor(
    private readonly lab: Lab,
    private readonly measured: MeasuredCase,
    private readonly round: number,
    private readonly options: BenchOptions,
  ) {}

  async run(): Promise<CaseRun> {
    const tests = this.options.tests.filter(isTrafficTest);
    await this.#measureOver(
      { withHop: false },
      tests.filter((test) => test !== 'loss1'),
    );
    await this.#measureOver(
      { withHop: true },
      tests.filter((test) => test === 'loss1'),
    );
    for (const trial of this.measured.trials) await this.#runTrial(trial);
    return {
      case: this.measured.name,
      round: this.round,
      podMtuBytes: this.#podMtuBytes,
      figures: this.#figures,
      disturbances: this.#disturbances,
      problems: this.#problems,
    };
  }

  async #measureOver({ withHop }: { withHop: boolean }, tests: readonly TrafficTestName[]): Promise<void> {
    if (tests.length === 0) return;
    const { lab, options } = this;
    await this.#attempt(`bringing up for ${tests.join(', ')}`, async () => {
      const pair = await createNodePair(lab, { ...options, withHop });
      const ends = await this.measured.bringUp(lab, pair);
      await waitReachable(ends);
      this.#podMtuBytes = ends.podMtuBytes;
      const bench = { lab, ends, pair, seconds: options.seconds };
      for (const test of tests) await this.#attempt(test, () => this.#runTest(test, bench));
    });
    this.#problems.push(...(await lab.clear()));
  }

  async #runTest(test: TrafficTestName, bench: Bench): Promise<void> {
    this.#keep(test, await TESTS[test](bench));
  }

  async #runTrial({ test, label, run }: Trial): Promise<void> {
    await this.#attempt(label, async () => {
      const { podMtuBytes, results } = await run(this.lab);
      this.#podMtuBytes ??= podMtuBytes;
      for (const result of results) this.#keep(test, result);
    });
    this.#problems.push(...(await this.lab.clear()));
  }

  #keep(test: TestName, { figures, use }: TestResult): void {
    Object.assign(this.#figures, figures);
    this.#disturbances.push({ test, cores: use.disturbingCores });
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((thrown: unknown) => this.#problems.push(`${what}: ${messageOf(thrown)}`));
  }
}

function describeFigures(figures: Figures): string {
  const known = FIGURES.filter(({ name }) => figures[name] !== undefined);
  return known.map(({ name, decimals }) => `${name} ${figures[name]?.toFixed(decimals) ?? ''}`).join('  ');
}
