/**
 * The benchmark (`npm run bench`): measures Heddle beside the bare underlay, kernel VXLAN and wireguard-go, and prints a
 * table or JSON. Removes everything it made on every exit.
 * Exit codes: 0 all measured, 1 a figure is missing or the benchmark failed, 2 usage, 130 interrupted.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Progress } from '../../deploy/demo/terminal/progress.js';
import { USAGE, parseBenchArguments } from './bench-arguments.js';
import { figuresOf, isTrafficTest, testsOf } from './bench-plan.js';
import type { BenchOptions, CaseName, CaseRun } from './bench-plan.js';
import { runRounds } from './bench-run.js';
import type { MeasuredCase } from './bench-run.js';
import { bringUpHeddle } from './cases/heddle.js';
import type { BringUp } from './cases/overlay.js';
import { bringUpRaw } from './cases/raw.js';
import { bringUpVxlan } from './cases/vxlan.js';
import { bringUpWireguard } from './cases/wireguard-go.js';
import { heddleTrials } from './heddle-trials.js';
import type { Lab } from './lab.js';
import { runLabProgram } from './lab-program.js';
import { describeMachine, machineFacts } from './machine-facts.js';
import type { MachineFacts } from './machine-facts.js';
import { reportTable } from './report-table.js';
import { doubtsOf, headlineRatios, summarise } from './summary.js';
import { expectedSeconds } from './traffic-tests.js';
import { findWireguardGo, isOutdated } from './wireguard-versions.js';

const DIST_DIR = dirname(fileURLToPath(import.meta.url));
/** Time to start and stop a case. */
const CASE_SECONDS = 5;

/** What was measured, and with what. */
interface Outcome {
  readonly runs: readonly CaseRun[];
  readonly facts: MachineFacts;
  readonly notes: readonly string[];
}

async function measure(lab: Lab, options: BenchOptions, progress: Progress): Promise<Outcome> {
  const wanted = options.cases.filter((name) => testsOf(name, options.tests).length > 0);
  const wireguard = wanted.includes('wireguard-go') ? await findWireguardGo(options.wireguardGo) : null;
  let aeadEngine: string | null = null;
  const build = { distDir: DIST_DIR, onEngine: (name: string) => (aeadEngine = name) };
  const all: Readonly<Record<CaseName, BringUp | null>> = {
    raw: bringUpRaw,
    vxlan: bringUpVxlan,
    'wireguard-go': wireguard === null ? null : bringUpWireguard(wireguard.path),
    heddle: bringUpHeddle(build),
  };
  const cases = wanted.flatMap((name): MeasuredCase[] => {
    const bringUp = all[name];
    const trials = name === 'heddle' ? heddleTrials(build, options) : [];
    return bringUp === null ? [] : [{ name, bringUp, trials }];
  });
  const names = cases.map(({ name }) => name).join(', ');
  progress.line(`  ${names}: about ${Math.ceil(secondsOf(cases, options) / 60)} min; Ctrl-C ends it`);
  const runs = await runRounds(lab, cases, options, {
    step: progress.step,
    line: (text) => progress.line(text),
  });
  const facts = machineFacts({ aeadEngine, wireguardGo: wireguard?.version ?? null });
  return { runs, facts, notes: [...notesOf(wanted, facts), ...doubtsOf(runs, facts.cores)] };
}

function secondsOf(cases: readonly MeasuredCase[], { tests, seconds, rounds }: BenchOptions): number {
  const traffic = tests.filter(isTrafficTest);
  const ofTraffic = traffic.length === 0 ? 0 : CASE_SECONDS + expectedSeconds(traffic, seconds);
  const ofTrials = cases.flatMap(({ trials }) => trials).reduce((sum, trial) => sum + trial.expectedSeconds, 0);
  return rounds * (cases.length * ofTraffic + ofTrials);
}

function notesOf(wanted: readonly CaseName[], { wireguardGo }: MachineFacts): string[] {
  if (!wanted.includes('wireguard-go')) return [];
  if (wireguardGo === null) return ['wireguard-go: left out, as it or wireguard-tools is not installed'];
  if (!isOutdated(wireguardGo)) return [];
  return [
    `wireguard-go: ${wireguardGo} is from before its offloads; a newer one is several times faster (--wireguard-go)`,
  ];
}

/** Every test of every case gave a figure in some round. */
function isComplete(options: BenchOptions, runs: readonly CaseRun[]): boolean {
  return [...summarise(runs)].every(([name, { medians }]) =>
    figuresOf(name, options).every((figure) => medians[figure.name] !== null),
  );
}

function reportJson(options: BenchOptions, { runs, facts, notes }: Outcome): string {
  const { rounds, seconds, wire, threadedNapi, mtuBytes, fan } = options;
  const cases = Object.fromEntries(summarise(runs));
  const report = {
    cases,
    rounds,
    seconds,
    wire,
    threadedNapi,
    mtuBytes,
    fan,
    ratios: headlineRatios(runs),
    machine: facts,
    notes,
  };
  return `${JSON.stringify(report)}\n`;
}

function reportText({ rounds, wire, threadedNapi, mtuBytes }: BenchOptions, { runs, facts, notes }: Outcome): string {
  const underlay = wire
    ? 'wire mode (packets of the MTU on the underlay)'
    : 'veth mode (super-packets on the underlay)';
  const taking = threadedNapi ? ', threaded NAPI' : '';
  const warnings = notes.map((note) => `! ${note}`);
  const table = [reportTable(runs), ...(warnings.length > 0 ? ['', ...warnings] : [])].join('\n');
  return `\n${describeMachine(facts)}\nUnderlay MTU ${mtuBytes}, ${underlay}${taking}. Medians of ${rounds}; "x" are ratios within a round.\n\n${table}\n`;
}

await runLabProgram({
  usage: USAGE,
  parse: parseBenchArguments,
  measure,
  report: (options, outcome) => (options.json ? reportJson(options, outcome) : reportText(options, outcome)),
  isComplete: (options, outcome) => isComplete(options, outcome.runs),
});
