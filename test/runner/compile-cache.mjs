/**
 * Cache of read files and compiled CommonJS modules of packages, one for each Jest worker. Jest loads its own packages
 * (circus, expect, diff: about 100 files) anew in the context of every test file; reading and compiling them is half of
 * what an empty test file costs, and every copy of their text stays in memory.
 */
import { createRequire } from 'node:module';
import vm from 'node:vm';

const require = createRequire(import.meta.url);
const fs = createRequire(require.resolve('jest-runtime'))('graceful-fs');

/** Contents by path, each with its text decoded once. */
const read = new Map();
const { readFileSync } = fs;

fs.readFileSync = function readCached(path, options) {
  if (options !== undefined || !String(path).includes('/node_modules/')) return readFileSync(path, options);
  let content = read.get(path);
  if (content === undefined) {
    content = readFileSync(path);
    const text = content.toString();
    content.toString = () => text;
    read.set(path, content);
  }
  return content;
};

/** By file name; the source of a file does not change while Jest runs. */
const compiled = new Map();
const { compileFunction } = vm;

vm.compileFunction = function compileCached(source, parameters, options) {
  const key = options?.filename;
  if (key === undefined) return compileFunction(source, parameters, options);
  const known = compiled.get(key);
  if (known?.source === source) return compileFunction(source, parameters, { ...options, cachedData: known.data });
  const made = compileFunction(source, parameters, { ...options, produceCachedData: true });
  if (made.cachedData !== undefined) compiled.set(key, { source, data: made.cachedData });
  return made;
};
