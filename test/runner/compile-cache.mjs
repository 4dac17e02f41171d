/**
 * Cache of compiled CommonJS modules, one for each Jest worker. Jest loads its own packages (circus, expect, diff: about
 * 100 files) anew in the context of every test file, and compiling them is a third of what an empty test file costs.
 */
import vm from 'node:vm';

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
