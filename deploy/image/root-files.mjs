/**
 * Root file system of the image in a folder: Node, what Heddle runs of Debian, and Heddle in `/opt/heddle`. Made the same way
 * by `npm run image` and by the Dockerfile. Merged: `/bin`, `/sbin` and `/lib` are links into `/usr`.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from '../prerequisites.mjs';
import { debianPackages, FILES, LOADED_LIBRARIES, PROGRAMS } from './contents.mjs';
import { copyHeddleFiles } from './heddle-files.mjs';
import { findLibrary, findProgram, neededLibraries, recordPackages, unpackPackages } from './debian-files.mjs';

const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
const EMPTY_FOLDERS = ['dev', 'etc', 'proc', 'sys', 'tmp', 'run', 'var/lib/heddle', 'root', 'etc/heddle'];
/** The router's user has no name; programs that look one up get root's only. */
const ACCOUNTS = { passwd: 'root:x:0:0:root:/root:/bin/sh\n', group: 'root:x:0:\n' };
const HEDDLE = 'opt/heddle';
/** Path of the dynamic loader in every executable, by the ABI of the architecture. */
const LOADERS = { x64: 'lib64/ld-linux-x86-64.so.2', arm64: 'lib/ld-linux-aarch64.so.1' };

/**
 * @param {string} root empty folder
 * @param {string} scratch folder for downloads and unpacked packages
 * @param {string} node the executable of Node that the image gets
 */
export function makeRoot(root, scratch, node) {
  const packages = join(scratch, 'packages');
  const archives = unpackPackages(debianPackages(process.arch), packages, join(scratch, 'downloads'));
  makeFolders(root);
  copyDebian(packages, root, node);
  recordPackages(archives, root);
  copyNode(node, root);
  copyHeddle(root, scratch);
}

function makeFolders(root) {
  for (const name of MERGED) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(join('usr', name), join(root, name));
  }
  for (const name of EMPTY_FOLDERS) mkdirSync(join(root, name), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  // Container runtimes name network namespaces by either path.
  symlinkSync('/run', join(root, 'var/run'));
  for (const [name, text] of Object.entries(ACCOUNTS)) writeFileSync(join(root, 'etc', name), text);
}

function copyDebian(packages, root, node) {
  const programs = PROGRAMS.map((name) => findProgram(name, packages));
  const loaded = LOADED_LIBRARIES.map((name) => findLibrary(name, packages)).filter((path) => path !== null);
  const elfFiles = [...[...programs, ...loaded].map((path) => join(packages, path)), node];
  const libraries = neededLibraries(elfFiles, packages);
  for (const path of [...programs, ...loaded, ...libraries]) copyFollowing(join(packages, path), join(root, path));
  const loader = LOADERS[process.arch];
  symlinkSync(join('/', findLibrary(basename(loader), packages)), join(root, loader));
  for (const path of FILES) {
    if (existsSync(join(packages, path))) cpSync(join(packages, path), join(root, path), { recursive: true });
  }
}

/** A link of a package stays one, to a file in its folder; `ip` reads the version of a library from its file's name. */
function copyFollowing(from, to) {
  const file = realpathSync(from);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(file, join(dirname(to), basename(file)));
  if (basename(file) !== basename(to) && !existsSync(to)) symlinkSync(basename(file), to);
}

/** Without its symbols for debuggers, which are a fifth of it. */
function copyNode(node, root) {
  const copy = join(root, 'usr/bin/node');
  copyFileSync(realpathSync(node), copy);
  execFileSync('strip', ['--strip-unneeded', copy]);
  chmodSync(copy, 0o755);
}

function copyHeddle(root, scratch) {
  copyHeddleFiles(join(root, HEDDLE), process.arch, scratch);
  copyFileSync(join(ROOT, 'deploy/image/start.sh'), join(root, HEDDLE, 'start.sh'));
  for (const name of ['meshd', 'meshctl']) symlinkSync(`/${HEDDLE}/dist/${name}.js`, join(root, 'usr/bin', name));
}
