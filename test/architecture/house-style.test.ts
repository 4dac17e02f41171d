import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './root.js';
import { ALLOWED_FOLDERS, findInTree, parseSource, productSources, sources } from './source-tree.js';
import type { SourceFile } from './source-tree.js';

const MAX_LINES = 500;
/** Configuration of tools that insist on a default export. */
const TOOL_CONFIGURATION = /(^|\/)[a-z]+\.config\.ts$/;
/** File names without information (docs/adr/0001). */
const EMPTY_NAMES = /(^|-)(utils?|helpers?|managers?|misc)(-|\.|$)/;
/** Folders that need a door. The page and programs need none, as no file imports them. */
const FOLDERS_WITH_DOORS = ['router', 'mesh', 'ipam', 'cni', 'kube', 'policy', 'cli'];

/** Words without which a file cannot match, so that its syntax tree is not built. */
const BARE_ERROR = /throw\s+new\s+(Type|Range)?Error\b/;
const DEFAULT_EXPORT = /export\s+(default\b|=)/;

function thrownBareErrors(file: SourceFile): string[] {
  if (!BARE_ERROR.test(file.text)) return [];
  return findInTree(file, (node) =>
    ts.isThrowStatement(node) &&
    ts.isNewExpression(node.expression) &&
    /^(Type|Range)?Error$/.test(node.expression.expression.getText(file.tree))
      ? `throw new ${node.expression.expression.getText(file.tree)}`
      : null,
  );
}

function defaultExports(file: SourceFile): string[] {
  if (!DEFAULT_EXPORT.test(file.text)) return [];
  return findInTree(file, (node) => {
    if (ts.isExportAssignment(node)) return 'export default';
    const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
    return modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword) === true
      ? 'export default'
      : null;
  });
}

describe('house style', () => {
  it('throws errors with a stable code, never a bare Error', () => {
    expect(productSources.flatMap(thrownBareErrors)).toEqual([]);
    expect(thrownBareErrors(parseSource('a/b.ts', "if (x) throw new Error('no');"))).toEqual([
      'a/b.ts:1: throw new Error',
    ]);
  });

  it('exports by name', () => {
    expect(sources.filter((file) => !TOOL_CONFIGURATION.test(file.path)).flatMap(defaultExports)).toEqual([]);
    expect(defaultExports(parseSource('a/b.ts', 'export default 1;'))).toHaveLength(1);
    expect(defaultExports(parseSource('a/b.ts', 'export default function f() {}'))).toHaveLength(1);
  });

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    const long = productSources.filter((file) => file.text.split('\n').length > MAX_LINES + 1);
    expect(long.map((file) => file.path)).toEqual([]);
  });

  it('names files in kebab-case by what they are', () => {
    const names = sources.map((file) => [file.path, basename(file.path)] as const);
    const wrong = names.filter(
      ([, name]) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.tsx?$/.test(name) || EMPTY_NAMES.test(name),
    );
    expect(wrong.map(([path]) => path)).toEqual([]);
  });

  it('opens every file of the product with what it owns', () => {
    const silent = productSources.filter((file) => !/^(#![^\n]*\n)?\s*\/\*\*/.test(file.text));
    expect(silent.map((file) => file.path)).toEqual([]);
  });

  it('gives every folder of the product its one door', () => {
    const present = FOLDERS_WITH_DOORS.filter((folder) => productSources.some((file) => file.folder === folder));
    expect(present.filter((folder) => !existsSync(join(ROOT, folder, 'index.ts')))).toEqual([]);
  });

  it('has no top-level folder that is not agreed on', () => {
    const ignored = ['.git', 'node_modules', 'dist', 'coverage'];
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !ignored.includes(entry.name))
      .map((entry) => entry.name);
    expect(folders.filter((name) => !(ALLOWED_FOLDERS as readonly string[]).includes(name))).toEqual([]);
  });

  it('has no code that only promises to be written', () => {
    const promise = new RegExp(`\\b(${['TO', 'FIX'].join('DO|')}ME|XXX)\\b|not implemented`, 'i');
    const found = productSources.filter((file) => promise.test(file.text));
    expect(found.map((file) => file.path)).toEqual([]);
  });
});
