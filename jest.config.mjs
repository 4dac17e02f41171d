/**
 * Five projects. `unit`: beside the sources, no socket, process or waiting. `simulation`: beside the sources too, whole
 * clusters on a virtual clock, for which the same holds. `integration`: on real sockets, processes and timers of this
 * machine. `e2e`: whole programs and the page in a browser. `net`: whole nodes
 * in network namespaces, root.
 */
import { bundledPackages } from './test/runner/bundled-packages.mjs';

const SOURCES = '<rootDir>/{common,router,mesh,ipam,cni,kube,policy,agent,supervisor,cli,web-ui,deploy}/**';
const RULES = '<rootDir>/test/{architecture,bench,crowd,curves,fuzz,mutations,runner,simulator}/**';
const INTEGRATION = '*.integration.test.ts';
const SIMULATION = '*.simulation.test.ts';

const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
  ],
};
const moduleNameMapper = { '^(\\.{1,2}/.*)\\.js$': '$1', ...(await bundledPackages()) };

function project(displayName, testMatch, more = {}) {
  return {
    displayName,
    testMatch,
    transform,
    moduleNameMapper,
    extensionsToTreatAsEsm: ['.ts'],
    testEnvironment: 'node',
    modulePathIgnorePatterns: ['<rootDir>/dist/'],
    ...more,
  };
}

const withoutSockets = {
  testEnvironment: '<rootDir>/test/runner/unit-environment.mjs',
  testRunner: '<rootDir>/test/runner/shared-framework.mjs',
  moduleNameMapper: {
    ...moduleNameMapper,
    '^koffi$': '<rootDir>/test/runner/koffi-without-sockets.mjs',
    '^typescript$': '<rootDir>/test/runner/loaded-typescript.mjs',
  },
};

export default {
  maxWorkers: '100%',
  /** Ends a test that hangs. On a machine under load a test of milliseconds takes seconds, so this is no measure. */
  testTimeout: 120_000,
  /** Node 20 keeps the modules of every test file; giving back that memory takes a worker half a second, or more. */
  workerGracefulExitTimeout: 60_000,
  projects: [
    project(
      'unit',
      [`${SOURCES}/*.test.ts`, `${RULES}/*.test.ts`, `!**/${INTEGRATION}`, `!**/${SIMULATION}`],
      withoutSockets,
    ),
    project('simulation', [`${SOURCES}/${SIMULATION}`, `${RULES}/${SIMULATION}`], withoutSockets),
    project('integration', [`${SOURCES}/${INTEGRATION}`, `${RULES}/${INTEGRATION}`]),
    project('e2e', ['<rootDir>/test/e2e/**/*.test.ts']),
    project('net', ['<rootDir>/test/net/**/*.test.ts']),
  ],
};
