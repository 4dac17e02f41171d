/**
 * `npm run sim`: deterministic simulation of clusters. In a worker thread, this program runs the seeds that it is sent.
 * Exit codes: 0 nothing was violated, 1 something was, 2 usage.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { calibrate } from './calibrate.js';
import { runHerd } from './herd.js';
import { describe, reportOf } from './report.js';
import { runSeed } from './seed-run.js';
import type { SeedResult } from './seed-run.js';
import { parseSimArguments, USAGE } from './sim-arguments.js';
import type { SimOptions } from './sim-arguments.js';

const EXIT = { ok: 0, violated: 1, usage: 2 } as const;

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseSimArguments(args);
  switch (parsed.kind) {
    case 'help':
      process.stdout.write(USAGE);
      return EXIT.ok;
    case 'mistake':
      process.stderr.write(`${parsed.message}\n\n${USAGE}`);
      return EXIT.usage;
    case 'calibrate':
      process.stdout.write(calibrate());
      return EXIT.ok;
    case 'herd':
      process.stdout.write(
        `${JSON.stringify(runHerd(parsed.options.nodes, parsed.options.cpu, parsed.options.firstSeed))}\n`,
      );
      return EXIT.ok;
    case 'run':
      return simulate(parsed.options);
  }
}

async function simulate(options: SimOptions): Promise<number> {
  const startedMs = performance.now();
  const isOne = options.firstSeed === options.lastSeed;
  const results = isOne ? [runSeed(options, options.firstSeed)] : await inWorkers(options);
  const failures = results.flatMap(({ failure }) => failure ?? []);
  const outcomes = results.map(({ outcome }) => outcome);
  const report = reportOf(options, outcomes, failures, (performance.now() - startedMs) / 1000);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describe(report));
  return failures.length === 0 ? EXIT.ok : EXIT.violated;
}

/** Each thread takes the next seed when it has finished one. */
async function inWorkers(options: SimOptions): Promise<SeedResult[]> {
  const seeds = Array.from({ length: options.lastSeed - options.firstSeed + 1 }, (_, i) => options.firstSeed + i);
  const results: SeedResult[] = [];
  const next = { index: 0 };
  const runOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: options });
      const give = (): void => {
        const seed = seeds[next.index++];
        if (seed === undefined) void worker.terminate().then(() => resolve());
        else worker.postMessage(seed);
      };
      worker.on('error', reject);
      worker.on('message', (result: SeedResult) => {
        results.push(result);
        process.stderr.write(`seed ${result.outcome.seed}: ${result.outcome.violations} violations\n`);
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(options.workers, seeds.length) }, runOne));
  return results.sort((a, b) => a.outcome.seed - b.outcome.seed);
}

if (isMainThread) process.exitCode = await main(process.argv.slice(2));
else parentPort!.on('message', (seed: number) => parentPort!.postMessage(runSeed(workerData as SimOptions, seed)));
