/**
 * Test framework of the unit tests: Jest's circus, with the packages that it is built of (expect, snapshots, diffs)
 * loaded once for each Jest worker instead of once for each test file. Circus itself, which has the state of a test file,
 * stays new for each. One consequence: `expect.any(String)` and those of other primitives compare with the constructors of
 * another context and refuse every value; write `expect.stringContaining('')` instead.
 */
import { createRequire } from 'node:module';
import circus from 'jest-circus/runner';

export default function runTests(globalConfig, config, environment, runtime, testPath, sendMessageToJest) {
  const requireAnew = runtime.requireInternalModule.bind(runtime);
  runtime.requireInternalModule = (from, name) =>
    name === undefined || name.startsWith('.') ? requireAnew(from, name) : createRequire(from)(name);
  return circus.default(globalConfig, config, environment, runtime, testPath, sendMessageToJest);
}
