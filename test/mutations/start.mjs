/**
 * `npm run mutations`: makes each mutation of `mutations.json` in a copy of this checkout and runs the test that has to
 * turn red. Exits with 1 when a test does not notice. `npm run mutations -- TEXT` takes those whose place contains it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../deploy/prerequisites.mjs';

const USAGE = `Usage: npm run mutations -- [TEXT]

Makes each mutation of test/mutations/mutations.json whose place contains TEXT, and runs the test that has to turn red.
`;

const [part = ''] = process.argv.slice(2);
if (part.startsWith('-')) {
  (part === '--help' ? process.stdout : process.stderr).write(USAGE);
  process.exit(part === '--help' ? 0 : 2);
}
const mutations = JSON.parse(readFileSync(join(ROOT, 'test/mutations/mutations.json'), 'utf8'));
const copy = mkdtempSync(join(tmpdir(), 'heddle-mutations-'));
const wanted = mutations.filter(({ place }) => place.includes(part));

/** Without `dist`: tests that need a build are too slow to be the ones that notice. */
function copyCheckout() {
  const left = ['node_modules', 'dist', '.git', 'coverage'].map((name) => join(ROOT, name));
  cpSync(ROOT, copy, { recursive: true, filter: (source) => !left.includes(source) });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
}

/** True when the test failed, which is what a mutation is for. */
function isNoticed({ file, original, mutated, test }) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    source.replace(original, () => mutated),
  );
  const isRed = !passes(test);
  writeFileSync(path, source);
  return isRed;
}

function passes(test) {
  const [, project = 'unit'] = /\.(integration|simulation)\.test\.ts$/.exec(test) ?? [];
  const script = [
    join('node_modules', 'jest', 'bin', 'jest.js'),
    `--selectProjects=${project}`,
    '--runTestsByPath',
    test,
  ];
  const flags = ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules'];
  return spawnSync(process.execPath, [...flags, ...script], { cwd: copy, stdio: 'ignore' }).status === 0;
}

try {
  copyCheckout();
  for (const mutation of wanted) {
    const noticed = isNoticed(mutation);
    process.stdout.write(`${noticed ? '✓' : '✗'} ${mutation.place}: ${mutation.mutation} (${mutation.test})\n`);
    if (!noticed) process.exitCode = 1;
  }
  for (const test of new Set(wanted.map((mutation) => mutation.test))) {
    if (passes(test)) continue;
    process.stdout.write(`✗ ${test} fails without any mutation\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
