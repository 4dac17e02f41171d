/**
 * `npm test`: everything that says whether this checkout is good, in the order of cost, from a fresh clone. Plain
 * JavaScript for the reasons in `deploy/prerequisites.mjs`. Ends with one plain line, `N passed, N failed`, that counts
 * tests, the demo's checks, and every static check that fails; exits 0 only when nothing failed.
 *
 *   npm test                 all stages
 *   npm test -- unit net     some of them
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as prerequisites from '../deploy/prerequisites.mjs';

const STAGES = { static: staticChecks, unit, integration, net, demo };
const DEMO_START = join(prerequisites.ROOT, 'deploy', 'demo', 'start.mjs');
const JEST_WORKERS = 2;
/** A whole run has to stay under ten minutes. */
const STAGE_TIMEOUT_MS = 6 * 60_000;
const CLEAN_UP_MS = 10_000;
const MARK = { good: '✓', bad: '✗' };

const scratch = mkdtempSync(join(tmpdir(), 'heddle-test-'));
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupt());
let interrupted = false;
const total = { passed: 0, failed: 0, skipped: 0 };

function tell(text) {
  process.stderr.write(`${text}\n`);
}

/** What runs is ended, which counts as failed; nothing more is started. */
function interrupt() {
  interrupted = true;
  for (const child of running) endGroup(child);
}

/** Types, lint and format, all to the end even when one fails: their findings are independent. */
async function staticChecks() {
  const checks = [
    ['types', ['typescript/bin/tsc', '--noEmit']],
    ['types of the web UI', ['typescript/bin/tsc', '--noEmit', '-p', 'web-ui']],
    ['lint', ['eslint/bin/eslint.js', '.']],
    ['format', ['prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']],
  ];
  await Promise.all(checks.slice(0, 2).map(([name, [script, ...args]]) => staticCheck(name, script, args)));
  await Promise.all(checks.slice(2).map(([name, [script, ...args]]) => staticCheck(name, script, args)));
}

async function staticCheck(name, script, args) {
  const { code, output } = await run([process.execPath, moduleScript(script), ...args], { capture: true });
  tell(`  ${code === 0 ? MARK.good : MARK.bad} ${name}`);
  if (code === 0) return;
  total.failed++;
  tell(output.trimEnd());
}

/** Properties search longer than while somebody waits for `npm run unit`. */
function unit() {
  process.env.HEDDLE_TEST_FUZZ_RUNS ??= '5';
  return jest('unit', [], [`--maxWorkers=${JEST_WORKERS}`]);
}

function integration() {
  return jest('integration', [], [`--maxWorkers=${JEST_WORKERS}`]);
}

/** On the real kernel, one file after the other: each makes whole clusters. */
async function net() {
  const what = 'the tests in network namespaces';
  const launcher = await findLauncher(what);
  if (launcher === null) return;
  if (!(await compilerLoads(launcher))) {
    cannotRun(what, 'The compiler of the tests (@swc/core) refuses to load in a user namespace. Run them as root.');
    return;
  }
  await jest('net', launcher, ['--runInBand']);
  // Tests that were ended from outside could not tear their clusters down.
  await run([process.execPath, DEMO_START, '--clean'], { capture: true, errors: 'inherit' });
}

/** It keeps its native part in a cache, and trusts no folder whose parents belong to a user id that is not mapped. */
async function compilerLoads(launcher) {
  const { code } = await run([...launcher, process.execPath, '--eval', "require('@swc/core')"], { capture: true });
  return code === 0;
}

async function demo() {
  if ((await findLauncher("the demo's checks")) === null) return;
  const { output } = await run([process.execPath, DEMO_START, '--check', '--json'], {
    capture: true,
    errors: 'inherit',
  });
  const report = parseReport(output);
  const checks = Object.entries(report.checks ?? {});
  const good = checks.filter(([, check]) => check.ok);
  total.passed += good.length;
  // What failed outside the checks (the start, the cleaning up) counts as one.
  total.failed += Math.max(checks.length - good.length, report.ok ? 0 : 1);
  const names = checks.map(([name, check]) => `${check.ok ? MARK.good : MARK.bad} ${name}`);
  tell(`  ${names.join('  ')}  (${report.seconds ?? '?'} s)`);
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

async function jest(project, launcher, args) {
  const results = join(scratch, `${project}.json`);
  const words = ['--selectProjects', project, '--json', '--outputFile', results, '--no-color', ...args];
  const command = [
    ...launcher,
    process.execPath,
    '--experimental-vm-modules',
    moduleScript('jest/bin/jest.js'),
    ...words,
  ];
  const { code } = await run(command, { capture: true, errors: 'inherit' });
  const found = readJson(results);
  total.passed += found.numPassedTests ?? 0;
  // A test file that does not even load has no tests to count.
  const broken = (found.numRuntimeErrorTestSuites ?? 0) + (found.numFailedTests ?? 0);
  total.failed += code === 0 ? broken : Math.max(1, broken);
  total.skipped += (found.numPendingTests ?? 0) + (found.numTodoTests ?? 0);
}

/**
 * Runs a program in a process group of its own, so that it can be ended with all it started.
 * `capture`: collect standard output. `errors`: where standard error goes; collected too unless told otherwise.
 */
function run([program, ...args], { capture, errors = 'pipe', timeoutMs = STAGE_TIMEOUT_MS }) {
  return new Promise((resolve) => {
    const stdio = ['ignore', capture ? 'pipe' : 'inherit', errors];
    const child = spawn(program, args, { cwd: prerequisites.ROOT, stdio, detached: true });
    running.add(child);
    const tooLong = setTimeout(() => {
      tell(`${[program, ...args].join(' ')}: ended after ${timeoutMs / 1000} s`);
      endGroup(child);
    }, timeoutMs);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => (output += text));
    }
    const end = (code) => {
      clearTimeout(tooLong);
      running.delete(child);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += `${program}: ${error.message}`;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

/** Asks the whole group to end, and makes it end when it takes too long to clean up. */
function endGroup(child) {
  const send = (signal) => running.has(child) && process.kill(-child.pid, signal);
  send('SIGTERM');
  setTimeout(() => send('SIGKILL'), CLEAN_UP_MS).unref();
}

function moduleScript(path) {
  return join(prerequisites.ROOT, 'node_modules', path);
}

function parseReport(output) {
  try {
    return JSON.parse(output);
  } catch {
    return { ok: false };
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !(name in STAGES));
  if (unknown.length > 0) {
    tell(`unknown stage: ${unknown.join(', ')} (there are ${Object.keys(STAGES).join(', ')})`);
    return 2;
  }
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt();
  for (const [name, stage] of Object.entries(STAGES)) {
    if (interrupted || (wanted.length > 0 && !wanted.includes(name))) continue;
    const startedMs = performance.now();
    tell(`\n== ${name}`);
    await stage();
    tell(`== ${name} took ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
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
