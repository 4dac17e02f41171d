import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { findInTree, parseSource, productSources } from './source-tree.js';
import type { SourceFile } from './source-tree.js';

/** No clock, timer, random source, socket or file, so that a simulation can be repeated from its seed. */
const isPureCore = (path: string): boolean => /^(mesh|policy)\//.test(path) || path === 'ipam/allocator.ts';

const IMPURE_MODULES = /^(node:)?(fs|net|dgram|http|https|dns|tls|timers|child_process|worker_threads|os)(\/|$)/;
const IMPURE_MEMBERS = new Set([
  'Date.now',
  'performance.now',
  'Math.random',
  'process.hrtime',
  'crypto.getRandomValues',
]);
const IMPURE_CALLS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch']);
/** Functions of node:crypto that use the system's random source. Hashes, ciphers and key agreement are pure. */
const RANDOM_IMPORTS =
  /^(randomBytes|randomFill(Sync)?|randomInt|randomUUID|generateKeyPair(Sync)?|generateKey(Sync)?)$/;

function impurities(file: SourceFile): string[] {
  const modules = file.imports
    .filter(({ specifier }) => IMPURE_MODULES.test(specifier))
    .map(({ specifier }) => `${file.path}: ${specifier}`);
  return [...modules, ...findInTree(file, (node) => impurityOf(node, file.tree))];
}

function impurityOf(node: ts.Node, tree: ts.SourceFile): string | null {
  if (ts.isPropertyAccessExpression(node)) {
    const member = `${node.expression.getText(tree)}.${node.name.text}`;
    return IMPURE_MEMBERS.has(member) || RANDOM_IMPORTS.test(node.name.text) ? member : null;
  }
  if (ts.isNewExpression(node) && node.expression.getText(tree) === 'Date') {
    return node.arguments === undefined || node.arguments.length === 0 ? 'new Date()' : null;
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && IMPURE_CALLS.has(node.expression.text)) {
    return node.expression.text;
  }
  if (ts.isImportSpecifier(node)) {
    const name = (node.propertyName ?? node.name).text;
    return RANDOM_IMPORTS.test(name) ? name : null;
  }
  return null;
}

describe('the pure cores', () => {
  it('have no clock, timer, random source, socket or file', () => {
    expect(productSources.filter((file) => isPureCore(file.path)).flatMap(impurities)).toEqual([]);
  });

  it('are many files, so that this rule is not about nothing', () => {
    expect(productSources.filter((file) => isPureCore(file.path)).length).toBeGreaterThan(5);
  });

  it.each([
    ['Date.now()', 'Date.now'],
    ['performance.now()', 'performance.now'],
    ['new Date()', 'new Date()'],
    ['Math.random()', 'Math.random'],
    ['setTimeout(f, 1)', 'setTimeout'],
    ["import { readFileSync } from 'node:fs';", 'node:fs'],
    ["import type { Socket } from 'dgram';", 'dgram'],
    ["import { randomBytes as bytes } from 'node:crypto';", 'randomBytes'],
    ["import * as crypto from 'node:crypto'; crypto.generateKeyPairSync('x25519');", 'crypto.generateKeyPairSync'],
  ])('are seen to be impure by %j', (text, what) => {
    const found = impurities(parseSource('mesh/example.ts', text));
    expect(found).toHaveLength(1);
    expect(found[0]!.endsWith(`: ${what}`)).toBe(true);
  });

  it('may take times as numbers and turn them into dates', () => {
    expect(impurities(parseSource('mesh/example.ts', 'new Date(now).toISOString(); // not Date.now()'))).toEqual([]);
  });
});
