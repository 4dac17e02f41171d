// Two projects: `unit` (beside the sources, no I/O beyond temporary files) and `net` (real kernel, root).
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
  ],
};
const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform,
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};
const named = (displayName, testMatch, extra = {}) => ({ ...shared, displayName, testMatch, ...extra });
export default {
  projects: [
    named('unit', [
      '<rootDir>/{common,router,mesh,ipam,cni,agent,supervisor,cli,web-ui,deploy}/**/*.test.ts',
      '<rootDir>/test/{architecture,bench,crowd,fuzz,property}/**/*.test.ts',
    ]),
    named('net', ['<rootDir>/test/net/**/*.test.ts', '<rootDir>/test/e2e/**/*.test.ts']),
  ],
};
