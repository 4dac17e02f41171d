/**
 * What `npm test` shows of a stage that Jest runs: the messages of each file that fails, the names of tests that are
 * skipped, and at the end one line, with the slowest files of a long stage. Counts go to the file that HEDDLE_TEST_COUNTS
 * names.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Files named when the stage was long. */
const SLOWEST_FILES = 8;
const LONG_STAGE_MS = 120_000;

export default class BriefReporter {
  #rootDir;

  constructor({ rootDir }) {
    this.#rootDir = rootDir;
  }

  onTestResult({ path }, { failureMessage, testResults }) {
    if (failureMessage) tell(`  ✗ ${relative(this.#rootDir, path)}\n${failureMessage.trimEnd()}`);
    for (const { status, fullName } of testResults) {
      if (status === 'pending' || status === 'todo') tell(`  - skipped: ${fullName}`);
    }
  }

  onRunComplete(_contexts, results) {
    const counts = {
      passed: results.numPassedTests,
      // A test file that does not even load has no tests to count.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    tell(`  ${counts.failed === 0 ? '✓' : '✗'} ${counts.passed} tests in ${results.numTotalTestSuites} files`);
    if (Date.now() - results.startTime > LONG_STAGE_MS) tell(`  slowest: ${this.#slowest(results.testResults)}`);
    writeFileSync(process.env.HEDDLE_TEST_COUNTS, JSON.stringify(counts));
  }

  #slowest(files) {
    const timed = files.map(({ testFilePath, perfStats: { start, end } }) => ({
      name: relative(this.#rootDir, testFilePath),
      seconds: (end - start) / 1000,
    }));
    return timed
      .sort((one, other) => other.seconds - one.seconds)
      .slice(0, SLOWEST_FILES)
      .map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`)
      .join(', ');
  }
}

function tell(text) {
  process.stderr.write(`${text}\n`);
}
