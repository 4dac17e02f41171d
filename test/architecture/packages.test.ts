import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.js';
import { packageOf, productSources } from './source-tree.js';

/** Packages that one file alone imports, so that replacing one changes one file. `@fastify/*` goes with fastify. */
const SWAPPABLE = ['koffi', 'fastify', 'pino', 'prom-client', 'msgpackr', 'commander', 'picocolors', 'yaml'];

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const dependencies = Object.keys(manifest.dependencies);

/** Files of the product that import a package. */
function importersOf(name: string): string[] {
  return productSources
    .filter((file) => file.imports.some(({ specifier }) => packageOf(specifier) === name))
    .map((file) => file.path);
}

describe('packages', () => {
  it.each([...SWAPPABLE, ...dependencies.filter((name) => name.startsWith('@fastify/'))])(
    '%s is imported in one file at most',
    (name) => {
      expect(importersOf(name).slice(1)).toEqual([]);
    },
  );

  it('that the product imports are declared for production, those of the page excepted, as it is built beforehand', () => {
    const wrong = productSources
      .filter((file) => file.folder !== 'web-ui')
      .flatMap((file) =>
        file.imports
          .map(({ specifier }) => packageOf(specifier))
          .filter((name) => name !== null && !dependencies.includes(name))
          .map((name) => `${file.path} imports ${name ?? ''}`),
      );
    expect(wrong).toEqual([]);
  });

  it('have their versions fixed', () => {
    expect(Object.values(manifest.dependencies).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('for production are each argued for in an ADR', () => {
    const folder = join(ROOT, 'docs', 'adr');
    const papers = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const named = (name: string): boolean => papers.some((text) => text.includes(`\`${name}\``));
    expect(dependencies.filter((name) => !named(name))).toEqual([]);
  });
});
