/**
 * The project's own sources as data for the rule tests: all files, the imports of each, and its
 * syntax tree. Built files, packages and fixtures are not sources.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import ts from 'typescript';
import { ROOT } from './root.js';

/** Every top-level folder there may be; another one needs an ADR (docs/adr/0001). */
export const ALLOWED_FOLDERS = [
  ...[
    'common',
    'router',
    'mesh',
    'ipam',
    'cni',
    'kube',
    'policy',
    'agent',
    'supervisor',
    'cli',
    'web-ui',
    'deploy',
    'docs',
    'test',
    '.ci',
  ],
] as const;

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The imported file from the root, without its extension; null for a package or a Node module. */
  readonly target: string | null;
}

export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly folder: string;
  /** Tests, their fakes in `testing/`, and everything under `test/`. */
  readonly isTest: boolean;
  readonly text: string;
  /** Built on first use, as the tree. */
  readonly imports: readonly Import[];
  /** Most rules need only the imports. */
  readonly tree: ts.SourceFile;
}

/** Without comments and without links to parents, it takes half the time. */
const PARSING = { languageVersion: ts.ScriptTarget.Latest, jsDocParsingMode: ts.JSDocParsingMode.ParseNone };

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** All TypeScript sources below the root. */
export const sources: readonly SourceFile[] = filesBelow(ROOT)
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && path.includes('/'))
  .map(readSource);

export const productSources = sources.filter((file) => !file.isTest);

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path);
    return entry.isFile() ? [relative(ROOT, path)] : [];
  });
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return parseSource(path, text);
}

/** @param path decides the folder and whether it is a test */
export function parseSource(path: string, text: string): SourceFile {
  let imports: readonly Import[] | undefined;
  let tree: ts.SourceFile | undefined;
  return {
    path,
    folder: path.split('/')[0]!,
    isTest: /\.test\.tsx?$/.test(path) || /(^|\/)(test|testing)\//.test(path),
    text,
    get imports() {
      return (imports ??= importsOf(path, text));
    },
    get tree() {
      return (tree ??= ts.createSourceFile(path, text, PARSING));
    },
  };
}

function importsOf(path: string, text: string): Import[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles.map(({ fileName }) => ({ specifier: fileName, target: resolveImport(path, fileName) }));
}

/** The imported file from the root, without its extension; null for a package or a Node module. */
export function resolveImport(importer: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return withoutExtension(posix.normalize(posix.join(posix.dirname(importer), specifier)));
}

export function withoutExtension(path: string): string {
  return path.replace(/\.(js|jsx|ts|tsx|mjs)$/, '');
}

/** `fastify` of `fastify`, `@fastify/static` of `@fastify/static/x`; null for relative and Node modules. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Every node of the tree for which `match` returns a text, as `path:line: text`. */
export function findInTree(file: SourceFile, match: (node: ts.Node) => string | null): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const what = match(node);
    if (what !== null) {
      const line = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1;
      found.push(`${file.path}:${line}: ${what}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

/** Files in the repository, and new files that are not ignored. */
export function repositoryFiles(): string[] {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const output = execFileSync('git', ['-c', `safe.directory=${ROOT}`, ...list], { cwd: ROOT, encoding: 'utf8' });
  return [...new Set(output.split('\0').filter((path) => path !== ''))];
}
