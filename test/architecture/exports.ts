/** Exports and imports of every file, and the files that a program reaches. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.js';
import { resolveImport, withoutExtension } from './source-tree.js';
import type { SourceFile } from './source-tree.js';

/** Entry points of the build, the page and its configuration. */
export const PROGRAM_ENTRIES: readonly string[] = [
  ...[...readFileSync(join(ROOT, 'deploy/build.mjs'), 'utf8').matchAll(/'([\w/-]+\.ts)'/g)].map((match) => match[1]!),
  'web-ui/src/main.tsx',
  'web-ui/vite.config.ts',
];

/** What a file exports and declares at once. The formatter writes each at the start of a line. */
const DECLARATION = /^export (?:async |abstract )?(?:const|let|function\*?|class|enum) (\w+)/gm;
/** An import, or an export from elsewhere: its list of names, if it has one, and its file. */
const STATEMENT = /^(?:import|export)\s[^;'{]*(?:\{([^}]*)\})?[^;'{]*from '([^']+)'/gm;
const DYNAMIC_IMPORT = /import\(\s*'([^']+)'/g;

/**
 * Names of the values that a file declares and exports at once. Types say what a signature means, so they may stand alone;
 * lists of exports (`export { a } from`) belong to doors.
 */
export function exportedValues(file: SourceFile): string[] {
  return Array.from(file.text.matchAll(DECLARATION), ([, name]) => name!);
}

/**
 * Names that are imported or exported on, by the file they come from; `*` for all of them. Read from the text: the syntax
 * trees of all tests take two seconds.
 */
export function usedNames(files: readonly SourceFile[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  const use = (file: SourceFile, specifier: string, names: readonly string[]): void => {
    const target = resolveImport(file.path, specifier);
    if (target !== null) used.set(target, new Set([...(used.get(target) ?? []), ...names]));
  };
  for (const file of files) {
    for (const [, list, specifier] of file.text.matchAll(STATEMENT)) use(file, specifier!, importedNames(list));
    for (const [, specifier] of file.text.matchAll(DYNAMIC_IMPORT)) use(file, specifier!, ['*']);
  }
  return used;
}

/** @param list what stands between the braces: `a, type B, c as d` */
function importedNames(list: string | undefined): string[] {
  if (list === undefined) return ['*'];
  const names = list.split(',').map((name) => name.trim().replace(/^type /, ''));
  return names.filter((name) => name !== '').map((name) => name.split(' as ')[0]!);
}

/** Files that the entries import, directly or not, without their extensions. */
export function reachedFrom(entries: readonly string[], files: readonly SourceFile[]): Set<string> {
  const byName = new Map(files.map((file) => [withoutExtension(file.path), file]));
  const reached = new Set<string>();
  const walk = (name: string): void => {
    const file = byName.get(name);
    if (file === undefined || reached.has(name)) return;
    reached.add(name);
    for (const { target } of file.imports) if (target !== null) walk(target);
  };
  for (const entry of entries) walk(withoutExtension(entry));
  return reached;
}
