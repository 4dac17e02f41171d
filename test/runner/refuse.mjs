/** The error of a unit test that does what only an integration test may. */
export function refuse(what) {
  throw new Error(
    `A unit test may not ${what}: give the code under test a fake, or call the file *.integration.test.ts (CONTRIBUTING.md).`,
  );
}
