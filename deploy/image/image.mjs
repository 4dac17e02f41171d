/**
 * `npm run image`: the container image without a registry, on Debian bookworm (and Debian-based systems with its packages), for
 * the architecture of this machine. Needs apt-get, dpkg-deb, binutils, tar and npm.
 *
 *   npm run image -- --output heddle.tar        archive for `ctr --namespace k8s.io images import heddle.tar`
 *   npm run image -- --root FOLDER              the root file system only, with the Node that runs this (for the Dockerfile)
 *
 * Options: `--name REFERENCE` (default localhost/heddle:VERSION); `--fast` leaves the layer uncompressed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkPlatform, ensureBuilt, ensureDependencies, PrerequisiteError, ROOT, runMain } from '../prerequisites.mjs';
import { NODE_MAJOR, sizeProblem } from './contents.mjs';
import { writeArchive } from './oci-archive.mjs';
import { makeRoot } from './root-files.mjs';

const VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
const CONFIG = {
  Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
  Entrypoint: ['/opt/heddle/start.sh'],
  WorkingDir: '/',
  Labels: { 'org.opencontainers.image.title': 'heddle', 'org.opencontainers.image.version': VERSION },
};
const MIB = 1 << 20;

const USAGE = `Usage: npm run image -- --output FILE.tar | --root FOLDER

  --output FILE.tar  archive for \`ctr --namespace k8s.io images import FILE.tar\`
  --root FOLDER      the root file system only, with the Node that runs this
  --name REFERENCE   (default localhost/heddle:${VERSION})
  --fast             leaves the layer uncompressed
  --help             this text
`;

async function main() {
  const { values } = parseArgs({
    options: {
      output: { type: 'string' },
      root: { type: 'string' },
      name: { type: 'string', default: `localhost/heddle:${VERSION}` },
      fast: { type: 'boolean', default: false },
    },
  });
  if ((values.output === undefined) === (values.root === undefined)) {
    throw new PrerequisiteError('Give one of --output FILE.tar and --root FOLDER.');
  }
  checkPlatform();
  checkPrograms();
  await ensureDependencies();
  await ensureBuilt();
  const scratch = mkdtempSync(join(tmpdir(), 'heddle-image-'));
  try {
    if (values.root !== undefined) makeRoot(emptyFolder(resolve(values.root)), scratch, process.execPath);
    else makeImage(values, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function makeImage({ output, name, fast }, scratch) {
  const root = emptyFolder(join(scratch, 'root'));
  const node = fetchNode(join(scratch, 'node'));
  makeRoot(root, scratch, node);
  const sizes = writeArchive({ root, scratch, output: resolve(output), name, config: CONFIG, compress: !fast });
  const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
  console.log(`${output}: ${name}, Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`);
  console.log(`root file system ${mib(sizes.rootBytes)}, layer ${mib(sizes.layerBytes)}`);
  const problem = fast ? null : sizeProblem(sizes.layerBytes);
  if (problem !== null) throw new PrerequisiteError(problem);
}

/** Node's executable as npm distributes it, the newest of the image's release line. */
function fetchNode(folder) {
  mkdirSync(folder, { recursive: true });
  const wanted = `node-linux-${process.arch}@${NODE_MAJOR}`;
  const packed = JSON.parse(execFileSync('npm', ['pack', '--json', wanted], { cwd: folder, encoding: 'utf8' }));
  execFileSync('tar', ['--extract', '--file', join(folder, packed.at(-1).filename), '--directory', folder]);
  return join(folder, 'package/bin/node');
}

function checkPrograms() {
  for (const program of ['apt-get', 'dpkg-deb', 'objdump', 'strip', 'tar', 'npm']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    } catch {
      throw new PrerequisiteError(`${program} is missing; the image is built on Debian with the package binutils.`);
    }
  }
}

function emptyFolder(path) {
  if (existsSync(path) && readdirSync(path).length > 0) throw new PrerequisiteError(`${path} is not empty.`);
  mkdirSync(path, { recursive: true });
  return path;
}

await runMain(main, USAGE);
