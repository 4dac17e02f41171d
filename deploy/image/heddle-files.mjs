/** Files of Heddle in a folder of their own, as image and tarball have them: built programs, packages outside the bundles, licence. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from '../prerequisites.mjs';
import { DIST_FILES, isPackageFile, nodePackages } from './contents.mjs';

/** The static relay is a program of this machine; hosts without it get the one for Node. */
const STATIC_RELAY = 'heddle-cni';

/**
 * @param {string} folder made when missing
 * @param {string} arch as Node calls it: x64 or arm64
 * @param {string} scratch folder for packages of another architecture, which npm has not installed
 */
export function copyHeddleFiles(folder, arch, scratch) {
  mkdirSync(folder, { recursive: true });
  for (const name of DIST_FILES) {
    if (name === STATIC_RELAY && (arch !== process.arch || !existsSync(join(ROOT, 'dist', name)))) continue;
    cpSync(join(ROOT, 'dist', name), join(folder, 'dist', name), { recursive: true });
  }
  const filter = (path) => statSync(path).isDirectory() || isPackageFile(path);
  for (const name of nodePackages(arch)) {
    const installed = join(ROOT, 'node_modules', name);
    const source = existsSync(installed) ? installed : fetchPackage(name, join(scratch, 'npm', basename(name)));
    cpSync(source, join(folder, 'node_modules', name), { recursive: true, filter });
  }
  for (const path of ['LICENSE', 'package.json']) copyFileSync(join(ROOT, path), join(folder, path));
}

/** In the version of the package that needs it. */
function fetchPackage(name, folder) {
  const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'node_modules/koffi/package.json'), 'utf8'));
  mkdirSync(folder, { recursive: true });
  const wanted = `${name}@${optionalDependencies[name]}`;
  const packed = JSON.parse(execFileSync('npm', ['pack', '--json', wanted], { cwd: folder, encoding: 'utf8' }));
  execFileSync('tar', ['--extract', '--file', join(folder, packed.at(-1).filename), '--directory', folder]);
  return join(folder, 'package');
}
