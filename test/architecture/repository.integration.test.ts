import { describe, expect, it } from '@jest/globals';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './root.js';
import { repositoryFiles } from './source-tree.js';

/** Folders that exist on every machine. */
const EVERYWHERE = [
  '/',
  '/tmp',
  '/home',
  '/usr',
  '/opt',
  '/var',
  '/srv',
  '/root',
  '/run',
  '/etc',
  '/workspace',
  '/app',
  '/src',
];
/** The registry is chosen by the reader's npm configuration. */
const REGISTRY_HOSTS =
  /\bregistry\.(npmjs|yarnpkg)\.|:\/\/[\w.-]*\b(npm|pypi|artifactory|nexus|verdaccio)\b[\w.-]*\.[a-z]+|"resolved":\s*"https?:/i;
const MAX_TEXT_BYTES = 2 << 20;

const files = repositoryFiles()
  .filter((path) => statSync(join(ROOT, path), { throwIfNoEntry: false })?.isFile() === true)
  .filter((path) => statSync(join(ROOT, path)).size < MAX_TEXT_BYTES);
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The checkout's own path and its neighbourhood, as whole path prefixes. */
function machinePaths(): RegExp {
  const places = [ROOT.replace(/\/$/, ''), dirname(ROOT.replace(/\/$/, ''))].filter(
    (place) => !EVERYWHERE.includes(place),
  );
  const escaped = places.map((place) => place.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`(?<![\\w./-])(${escaped.join('|') || '(?!)'})(/|$)`, 'm');
}

describe('the repository', () => {
  it('names no path of the machine it was written on', () => {
    const pattern = machinePaths();
    expect(files.filter((path) => pattern.test(textOf(path)))).toEqual([]);
  });

  it('names no host of a package registry', () => {
    const self = 'test/architecture/repository.integration.test.ts';
    expect(files.filter((path) => path !== self && REGISTRY_HOSTS.test(textOf(path)))).toEqual([]);
  });

  it('holds no private key and no built file', () => {
    const key = new RegExp(`-----BEGIN ${'[A-Z ]*'}PRIVATE KEY-----`);
    expect(files.filter((path) => key.test(textOf(path)))).toEqual([]);
    expect(files.filter((path) => /(^|\/)(dist|node_modules)\//.test(path))).toEqual([]);
  });

  it('carries its licence', () => {
    expect(textOf('LICENSE')).toContain('Apache License');
    expect((JSON.parse(textOf('package.json')) as { license: string }).license).toBe('Apache-2.0');
  });

  it('keeps every ADR within a page', () => {
    const papers = files.filter((path) => /^docs\/adr\/.*\.md$/.test(path));
    expect(papers.filter((path) => textOf(path).trimEnd().split('\n').length > 60)).toEqual([]);
    expect(papers.filter((path) => !/^docs\/adr\/\d{4}-[a-z0-9-]+\.md$/.test(path))).toEqual([]);
  });

  it('gives every ADR a number of its own', () => {
    const numbers = files.flatMap((path) => /^docs\/adr\/(\d{4})-/.exec(path)?.[1] ?? []);
    expect(numbers.filter((number, i) => numbers.indexOf(number) !== i)).toEqual([]);
  });

  it('keeps the lines of documents within 130 columns', () => {
    const documents = files.filter((path) => path.endsWith('.md'));
    const long = documents.flatMap((path) =>
      textOf(path)
        .split('\n')
        .flatMap((line, i) => (line.length > 130 ? [`${path}:${i + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });
});
