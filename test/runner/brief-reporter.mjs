/**
 * What `npm test` shows of a stage that Jest runs: the messages of each file that fails, the names of tests that are
 * skipped, and one line at the end. Counts go to the file that HEDDLE_TEST_COUNTS names.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

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
    writeFileSync(process.env.HEDDLE_TEST_COUNTS, JSON.stringify(counts));
  }
}

function tell(text) {
  process.stderr.write(`${text}\n`);
}
