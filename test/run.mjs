/**
 * `npm test`: everything that says whether this checkout is good, in the order of cost, from a fresh clone. Plain
 * JavaScript for the reasons in `deploy/prerequisites.mjs`. Ends with one plain line, `N passed, N failed`, that counts
 * tests, the demo's checks, and every static check that fails; exits 0 only when nothing failed.
 *
 *   npm test                 all stages
 *   npm test -- unit net     some of them
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as prerequisites from '../deploy/prerequisites.mjs';
import { endAll, run } from './runner/process-group.mjs';

const STAGES = { static: staticChecks, unit, simulation, integration, e2e, net, demo };
const DEMO_START = join(prerequisites.ROOT, 'deploy', 'demo', 'start.mjs');
/** Properties search longer than while somebody waits for `npm run unit`. */
const FUZZ_RUNS = { HEDDLE_TEST_FUZZ_RUNS: process.env.HEDDLE_TEST_FUZZ_RUNS ?? '12' };

const scratch = mkdtempSync(join(tmpdir(), 'heddle-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);

/** What runs is ended, which counts as failed; nothing more is started. */
function interrupt() {
  interrupted = true;
  endAll();
}

function tell(text) {
  process.stderr.write(`${text}\n`);
}

function tellResult(isGood, what) {
  tell(`  ${isGood ? '✓' : '✗'} ${what}`);
}

/** All to the end even when one fails: their findings are independent. Two at a time. */
async function staticChecks() {
  await Promise.all([
    staticCheck('types', 'typescript/bin/tsc', '--noEmit'),
    staticCheck('types of the web UI', 'typescript/bin/tsc', '--noEmit', '-p', 'web-ui'),
  ]);
  await Promise.all([
    staticCheck('lint', 'eslint/bin/eslint.js', '.'),
    staticCheck('format', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  ]);
}

async function staticCheck(name, script, ...args) {
  const command = [process.execPath, moduleScript(script), ...args];
  const { code, output } = await run(command);
  tellResult(code === 0, name);
  if (code === 0) return;
  total.failed++;
  tell(output.trimEnd());
}

function unit() {
  return jest('unit', { env: FUZZ_RUNS });
}

function simulation() {
  return jest('simulation');
}

function integration() {
  return jest('integration');
}

function e2e() {
  return jest('e2e', { args: ['--runInBand'] });
}

/** On the real kernel, two files at a time: each makes whole clusters, and waits more than it computes. */
async function net() {
  const what = 'the tests in network namespaces';
  const launcher = await findLauncher(what);
  if (launcher === null) return;
  if (!(await compilerLoads(launcher))) {
    cannotRun(what, 'The compiler of the tests (@swc/core) refuses to load in a user namespace. Run them as root.');
    return;
  }
  await jest('net', { launcher, args: ['--maxWorkers=2'] });
  // Tests that were ended from outside could not tear their clusters down.
  await run([process.execPath, DEMO_START, '--clean'], { errors: 'inherit' });
}

/** It keeps its native part in a cache, and trusts no folder whose parents belong to a user id that is not mapped. */
async function compilerLoads(launcher) {
  const command = [...launcher, process.execPath, '--eval', "require('@swc/core')"];
  return (await run(command)).code === 0;
}

async function demo() {
  if ((await findLauncher("the demo's checks")) === null) return;
  const command = [process.execPath, DEMO_START, '--check', '--json'];
  const { output } = await run(command, { errors: 'inherit' });
  const report = parseJson(output) ?? { ok: false };
  const checks = Object.entries(report.checks ?? {});
  for (const [name, { ok }] of checks) tellResult(ok, name);
  const good = checks.filter(([, { ok }]) => ok).length;
  total.passed += good;
  // What failed outside the checks (the start, the cleaning up) counts as one.
  total.failed += Math.max(checks.length - good, report.ok ? 0 : 1);
}

/** The words to put before a command that makes namespaces; null when that is impossible here, which is counted. */
async function findLauncher(what) {
  try {
    await prerequisites.ensureTools();
    return prerequisites.namespaceLauncher({ ownNetwork: true });
  } catch (thrown) {
    if (!(thrown instanceof prerequisites.PrerequisiteError)) throw thrown;
    cannotRun(what, thrown.message);
    return null;
  }
}

/** Nothing may be skipped in CI, where everything can be installed. */
function cannotRun(what, why) {
  const inCi = process.env.CI !== undefined;
  tell(`  ${what} ${inCi ? 'cannot run' : 'are skipped'}:\n${why}`);
  total[inCi ? 'failed' : 'skipped']++;
}

async function jest(project, { launcher = [], args = [], env = {} } = {}) {
  const countsFile = join(scratch, `${project}.json`);
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--experimental-vm-modules'];
  const command = [...launcher, ...node, moduleScript('jest/bin/jest.js'), `--selectProjects=${project}`, ...args];
  const { code, output } = await run([...command, '--no-color', '--reporters=./test/runner/brief-reporter.mjs'], {
    errors: 'inherit',
    env: { ...env, HEDDLE_TEST_COUNTS: countsFile },
  });
  const counts = readCounts(countsFile);
  total.passed += counts.passed;
  total.skipped += counts.skipped;
  total.failed += code === 0 ? counts.failed : Math.max(1, counts.failed);
  // Jest itself failed, and says why on standard output.
  if (code !== 0 && counts.failed === 0) tell(output.trimEnd());
}

function readCounts(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function moduleScript(path) {
  return join(prerequisites.ROOT, 'node_modules', path);
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !(name in STAGES));
  if (unknown.length > 0) {
    tell(`unknown stage: ${unknown.join(', ')} (there are ${Object.keys(STAGES).join(', ')})`);
    return 2;
  }
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureTestTools();
  await prerequisites.ensureBuilt();
  for (const [name, stage] of Object.entries(STAGES)) {
    if (interrupted || (wanted.length > 0 && !wanted.includes(name))) continue;
    const startedMs = performance.now();
    tell(`\n== ${name}`);
    await stage();
    tell(`  ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  }
  return total.failed === 0 && !interrupted ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  tell(thrown instanceof prerequisites.PrerequisiteError ? thrown.message : thrown.stack);
  total.failed++;
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (process.exitCode !== 2) {
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
}
