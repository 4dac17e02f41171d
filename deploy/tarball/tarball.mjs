/**
 * `npm run tarball`: archive for machines without Kubernetes, with `install.sh`, `uninstall.sh` and the systemd unit. Node
 * itself is not in it.
 *
 *   npm run tarball -- --output FOLDER          heddle-VERSION-linux-ARCH.tar.gz in that folder
 *
 * Option: `--arch x64|arm64` (default: of this machine). For another one npm gets its package of koffi, and the static CNI
 * executable is left out: hosts get the one for Node.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkPlatform, ensureBuilt, ensureDependencies, PrerequisiteError, ROOT, runMain } from '../prerequisites.mjs';
import { copyHeddleFiles } from '../image/heddle-files.mjs';

const ARCHITECTURES = ['x64', 'arm64'];
const SCRIPTS = ['install.sh', 'uninstall.sh'];
/** The same bytes from the same checkout. */
const REPRODUCIBLE = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
const MIB = 1 << 20;

const USAGE = `Usage: npm run tarball -- [options]

  --output FOLDER    for heddle-VERSION-linux-ARCH.tar.gz (default .)
  --arch x64|arm64   (default: of this machine)
  --help             this text
`;

async function main() {
  const options = { output: { type: 'string', default: '.' }, arch: { type: 'string', default: process.arch } };
  const { output, arch } = parseArgs({ options }).values;
  if (!ARCHITECTURES.includes(arch)) throw new PrerequisiteError(`--arch is one of ${ARCHITECTURES.join(', ')}.`);
  checkPlatform();
  await ensureDependencies();
  await ensureBuilt();
  const scratch = mkdtempSync(join(tmpdir(), 'heddle-tarball-'));
  try {
    const file = makeTarball(arch, resolve(output), scratch);
    console.log(`${file}: ${(statSync(file).size / MIB).toFixed(1)} MiB`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function makeTarball(arch, output, scratch) {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const name = `heddle-${version}-linux-${arch}`;
  const folder = join(scratch, name);
  copyHeddleFiles(join(folder, 'heddle'), arch, scratch);
  for (const script of SCRIPTS) copyFileSync(join(ROOT, 'deploy/tarball', script), join(folder, script));
  copyFileSync(join(ROOT, 'deploy/systemd/heddle.service'), join(folder, 'heddle.service'));
  mkdirSync(output, { recursive: true });
  const file = join(output, `${name}.tar.gz`);
  execFileSync('tar', ['--create', '--gzip', '--file', file, ...REPRODUCIBLE, '--directory', scratch, name]);
  return file;
}

await runMain(main, USAGE);
