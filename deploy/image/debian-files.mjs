/**
 * Files of Debian packages in a folder: download by the host's apt, unpacking, and search for programs and for the shared
 * libraries that they need. The packages' own architecture is the host's.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const PROGRAM_FOLDERS = ['bin', 'sbin', 'usr/bin', 'usr/sbin'];

/** Downloads and unpacks the packages. Throws the error of apt-get, with its output, when one does not exist. */
export function unpackPackages(names, into, downloads) {
  mkdirSync(downloads, { recursive: true });
  execFileSync('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...names], {
    cwd: downloads,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const archives = readdirSync(downloads).map((name) => join(downloads, name));
  for (const archive of archives) execFileSync('dpkg-deb', ['--extract', archive, into]);
  return archives;
}

/** Where scanners of images look for packages without dpkg's own database: a file of its fields per package. */
export function recordPackages(archives, root) {
  const folder = join(root, 'var/lib/dpkg/status.d');
  mkdirSync(folder, { recursive: true });
  for (const archive of archives) {
    const fields = execFileSync('dpkg-deb', ['--field', archive], { encoding: 'utf8' });
    writeFileSync(join(folder, /^Package: (\S+)$/m.exec(fields)[1]), fields);
  }
}

/** Path below the folder. @throws when no package has the program */
export function findProgram(name, folder) {
  const found = PROGRAM_FOLDERS.map((place) => join(place, name)).find((path) => isFile(join(folder, path)));
  if (found === undefined) throw new Error(`no package in deploy/image/contents.mjs has the program ${name}`);
  return found;
}

/** Paths below the folder of what the ELF files need, and what that needs. @throws when no package has one of them */
export function neededLibraries(elfFiles, folder) {
  const found = new Map();
  const waiting = [...elfFiles];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const name of neededNames(file)) {
      if (found.has(name)) continue;
      const path = findLibrary(name, folder);
      if (path === null) throw new Error(`no package in deploy/image/contents.mjs has ${name}, which ${file} needs`);
      found.set(name, path);
      waiting.push(join(folder, path));
    }
  }
  return [...found.values()];
}

/** Path below the folder, or null. @param {string} name with a folder below the library folders where it is in one */
export function findLibrary(name, folder) {
  return (
    libraryFolders(folder)
      .map((place) => join(place, name))
      .find((path) => isFile(join(folder, path))) ?? null
  );
}

function libraryFolders(folder) {
  const triplets = ['lib', 'usr/lib'].flatMap((place) =>
    existsSync(join(folder, place))
      ? readdirSync(join(folder, place))
          .filter((name) => name.endsWith('-linux-gnu'))
          .map((name) => join(place, name))
      : [],
  );
  return [...triplets, 'lib64', 'lib', 'usr/lib'];
}

function neededNames(file) {
  const text = execFileSync('objdump', ['--private-headers', file], { encoding: 'utf8' });
  return [...text.matchAll(/^ +NEEDED +(\S+)$/gm)].map((match) => basename(match[1]));
}

/** Absolute links of a package point into the host: they are followed by their relative form only. */
function isFile(path) {
  try {
    return statSync(realpathSync(path)).isFile();
  } catch {
    return false;
  }
}
