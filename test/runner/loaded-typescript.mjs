/** The compiler as the unit tests' environment loaded it: once for all test files (`unit-environment.mjs`). */
export default globalThis.loadedTypescript;
