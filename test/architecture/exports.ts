/** Exports and imports of every file, read from syntax trees, and the files that a program reaches. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { resolveImport, ROOT, withoutExtension } from './source-tree.js';
import type { SourceFile } from './source-tree.js';

/** Entry points of the build, the page and its configuration. */
export const PROGRAM_ENTRIES: readonly string[] = [
  ...[...readFileSync(join(ROOT, 'deploy/build.mjs'), 'utf8').matchAll(/'([\w/-]+\.ts)'/g)].map((match) => match[1]!),
  'web-ui/src/main.tsx',
  'web-ui/vite.config.ts',
];

/**
 * Names of the values that a file declares and exports at once. Types say what a signature means, so they may stand alone;
 * lists of exports (`export { a } from`) belong to doors.
 */
export function exportedValues(file: SourceFile): string[] {
  return file.tree.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map((d) => d.name.getText(file.tree));
    const isValue =
      ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement);
    return isValue && statement.name !== undefined ? [statement.name.text] : [];
  });
}

/** Names that are imported or exported on, by the file they come from; `*` for all of them. */
export function usedNames(files: readonly SourceFile[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  const use = (file: SourceFile, specifier: ts.Expression | undefined, names: readonly string[]): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const target = resolveImport(file.path, specifier.text);
    if (target !== null) used.set(target, new Set([...(used.get(target) ?? []), ...names]));
  };
  for (const file of files) {
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node))
        use(file, node.moduleSpecifier, importedNames(node.importClause?.namedBindings));
      if (ts.isExportDeclaration(node)) use(file, node.moduleSpecifier, importedNames(node.exportClause));
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        use(file, node.arguments[0], ['*']);
      }
      if (looksDeep) ts.forEachChild(node, visit);
    };
    const looksDeep = file.text.includes('import(');
    ts.forEachChild(file.tree, visit);
  }
  return used;
}

function importedNames(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): string[] {
  if (bindings === undefined || !('elements' in bindings)) return ['*'];
  return [...bindings.elements].map((element) => (element.propertyName ?? element.name).text);
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
