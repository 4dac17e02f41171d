import { describe, expect, it } from '@jest/globals';
import { productSources, sources, withoutExtension } from './source-tree.js';
import type { SourceFile } from './source-tree.js';

/** What each folder may import besides itself. Everything points at `common`; siblings never see each other. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  common: [],
  router: ['common'],
  mesh: ['common'],
  ipam: ['common'],
  policy: ['common'],
  cni: ['common'],
  cli: ['common'],
  'web-ui': ['common'],
  agent: ['common', 'router', 'mesh', 'ipam', 'policy', 'cni'],
  deploy: ['common', 'router', 'mesh', 'ipam', 'policy', 'cni', 'agent', 'cli', 'web-ui'],
};

/** `meshctl`'s entry plugs the agent's removal into the command line; nothing else of the agent knows the command line. */
const EXTRA_ARROWS: Readonly<Record<string, readonly string[]>> = { 'agent/meshctl.ts': ['cli'] };

/** Folders with one door: others import their `index.ts` and nothing else. */
const DOORS = ['router', 'mesh', 'ipam', 'policy', 'cni', 'cli'];

/** All that a client of the API knows of the project. */
const CLIENT_LEAVES: Readonly<Record<string, readonly string[]>> = {
  'web-ui': ['common/api'],
  cli: ['common/api', 'common/errors', 'common/version', 'common/yaml'],
};

const folderOf = (target: string): string => target.split('/')[0]!;

/** Imports that leave the file's folder. */
function departures(file: SourceFile): string[] {
  return file.imports.flatMap(({ target }) => (target === null || folderOf(target) === file.folder ? [] : [target]));
}

describe('folders', () => {
  it('import only along the arrows', () => {
    const wrong = productSources.flatMap((file) => {
      const allowed = [...(ARROWS[file.folder] ?? []), ...(EXTRA_ARROWS[file.path] ?? [])];
      return departures(file)
        .filter((target) => !allowed.includes(folderOf(target)))
        .map((target) => `${file.path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('are entered by their one door', () => {
    const wrong = productSources.flatMap((file) =>
      departures(file)
        .filter((target) => DOORS.includes(folderOf(target)) && target !== `${folderOf(target)}/index`)
        .map((target) => `${file.path} imports ${target}, not the door ${folderOf(target)}/index.ts`),
    );
    expect(wrong).toEqual([]);
  });

  it('that are clients of the API know nothing else of the project', () => {
    const wrong = productSources.flatMap((file) =>
      departures(file)
        .filter((target) => CLIENT_LEAVES[file.folder]?.includes(target) === false)
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('do not import tests from products', () => {
    const tests = new Set(sources.filter((file) => file.isTest).map((file) => withoutExtension(file.path)));
    const wrong = productSources.flatMap((file) =>
      file.imports
        .filter(({ target }) => target !== null && tests.has(target))
        .map(({ specifier }) => `${file.path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('imports', () => {
  it('name files that exist', () => {
    const known = new Set(sources.map((file) => withoutExtension(file.path)));
    const isAsset = (target: string): boolean => /\.(css|json|svg|mjs)$/.test(target);
    const wrong = sources.flatMap((file) =>
      file.imports
        .filter(({ target, specifier }) => target !== null && !known.has(target) && !isAsset(specifier))
        .map(({ specifier }) => `${file.path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('have no cycles', () => {
    expect(cyclesOf(new Map(sources.map((file) => [withoutExtension(file.path), targetsOf(file)])))).toEqual([]);
  });

  it('are seen to have a cycle when there is one', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['c']],
      ['c', ['d']],
      ['d', ['b']],
    ]);
    expect(cyclesOf(graph)).toEqual(['b -> c -> d -> b']);
  });
});

function targetsOf(file: SourceFile): string[] {
  return file.imports.flatMap(({ target }) => (target === null ? [] : [target]));
}

/** One line per cycle that a depth-first walk closes. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (node: string, trail: readonly string[]): void => {
    const start = trail.indexOf(node);
    if (start >= 0) cycles.push([...trail.slice(start), node].join(' -> '));
    if (start >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) walk(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) walk(node, []);
  return [...new Set(cycles)];
}
