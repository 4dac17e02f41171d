import { describe, expect, it } from '@jest/globals';
import { exportedValues, PROGRAM_ENTRIES, reachedFrom, usedNames } from './exports.js';
import { describePicture, foldersWithRooms, pictureOf } from './rooms.js';
import { parseSource, productSources, sources, withoutExtension } from './source-tree.js';
import type { SourceFile } from './source-tree.js';

/** Allowed imports of each folder besides itself. Everything may import `common`; siblings never import each other. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  common: [],
  router: ['common'],
  mesh: ['common'],
  ipam: ['common'],
  cni: ['common'],
  cli: ['common'],
  'web-ui': ['common'],
  kube: ['common'],
  policy: ['common'],
  agent: ['common', 'router', 'mesh', 'ipam', 'cni', 'kube', 'policy'],
  supervisor: ['common', 'router', 'agent'],
  deploy: ['common', 'cli'],
};

/** Exceptions for parts of a folder, by the beginning of the path. */
const EXTRA_ARROWS: Readonly<Record<string, readonly string[]>> = {
  // What uninstall removes is known to those who made it; the entry plugs it into the command line.
  'cli/uninstall/': ['cni', 'agent', 'policy'],
  'cli/preflight/': ['agent'],
  'cli/meshctl.ts': ['agent'],
};

/** Doors of each folder that is entered from outside: others import these files and nothing else. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  router: ['router/index'],
  mesh: ['mesh/index'],
  ipam: ['ipam/index'],
  cni: ['cni/index'],
  kube: ['kube/index'],
  policy: ['policy/index'],
  cli: ['cli/index'],
  agent: ['agent/config/index', 'agent/host-network/index', 'agent/preflight/index', 'agent/settings/index'],
  supervisor: [],
  deploy: [],
  'web-ui': [],
};

/** The only modules of the project that a client of the API may import. */
const CLIENT_LEAVES: Readonly<Record<string, readonly string[]>> = {
  'web-ui': ['common/api', 'common/document-difference'],
  cli: ['common/api', 'common/document-difference', 'common/errors', 'common/version', 'common/codec/yaml'],
};
/** Parts of the command line that work on the host and not on the API. */
const HOST_SIDE = ['cli/preflight/', 'cli/uninstall/', 'cli/meshctl.ts'];

const folderOf = (target: string): string => target.split('/')[0]!;

/** Imports that leave the file's folder. */
function departures(file: SourceFile): string[] {
  return file.imports.flatMap(({ target }) => (target === null || folderOf(target) === file.folder ? [] : [target]));
}

function extraArrows(file: SourceFile): readonly string[] {
  return Object.entries(EXTRA_ARROWS).flatMap(([part, folders]) => (file.path.startsWith(part) ? folders : []));
}

describe('folders', () => {
  it('import only along the arrows', () => {
    const wrong = productSources.flatMap((file) => {
      const allowed = [...(ARROWS[file.folder] ?? []), ...extraArrows(file)];
      return departures(file)
        .filter((target) => !allowed.includes(folderOf(target)))
        .map((target) => `${file.path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('are entered by their doors', () => {
    const wrong = productSources.flatMap((file) =>
      departures(file)
        .filter((target) => DOORS[folderOf(target)]?.includes(target) === false)
        .map((target) => `${file.path} imports ${target}, which is no door of ${folderOf(target)}/`),
    );
    expect(wrong).toEqual([]);
  });

  it('that are clients of the API know nothing else of the project', () => {
    const clients = productSources.filter((file) => !HOST_SIDE.some((part) => file.path.startsWith(part)));
    const wrong = clients.flatMap((file) =>
      departures(file)
        .filter((target) => CLIENT_LEAVES[file.folder]?.includes(target) === false)
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('have rules about folders that exist', () => {
    const folders = new Set(productSources.map((file) => file.folder));
    const named = [...Object.keys(ARROWS), ...Object.values(ARROWS).flat(), ...Object.keys(DOORS)];
    expect(named.filter((folder) => !folders.has(folder))).toEqual([]);
    expect([...folders].filter((folder) => !(folder in ARROWS))).toEqual([]);
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

describe('rooms', () => {
  it('have no cycles', () => {
    const cycles = foldersWithRooms(productSources).flatMap((folder) => {
      const { rooms, arrows } = pictureOf(folder, productSources);
      const targets = (room: string) => arrows.filter(({ from }) => from === room).map(({ to }) => to);
      return cyclesOf(new Map(rooms.map((room) => [room, targets(room)]))).map((cycle) => `${folder}: ${cycle}`);
    });
    expect(cycles).toEqual([]);
  });

  it('are drawn as what they import', () => {
    const files = [
      parseSource('a/top.ts', "import './deep/one.js'; import './side.js';"),
      parseSource('a/side.ts', "import './deep/two.js';"),
      parseSource('a/deep/one.ts', "import './two.js';"),
      parseSource('a/deep/two.ts', ''),
      parseSource('b/other.ts', "import '../a/top.js';"),
    ];
    expect(describePicture(pictureOf('a', files)).split('\n')).toEqual([
      'a: 4 files, 3 rooms, 3 layers, 3 arrows',
      '   2  top                      -> deep/ side',
      '   1  side                     -> deep/',
      '   0  deep/',
    ]);
  });
});

describe('test code', () => {
  it('lies in testing/ folders, in test/ or in *.test.ts: everything else is part of a program', () => {
    const reached = reachedFrom(PROGRAM_ENTRIES, sources);
    const unreached = productSources.map((file) => file.path).filter((path) => !reached.has(withoutExtension(path)));
    expect(unreached).toEqual([]);
  });

  it('is seen when no program imports it', () => {
    const files = [
      parseSource('a/main.ts', "import './used.js';"),
      parseSource('a/used.ts', ''),
      parseSource('a/fake.ts', "import './used.js';"),
    ];
    expect(reachedFrom(['a/main.ts'], files)).toEqual(new Set(['a/main', 'a/used']));
  });
});

describe('exported values', () => {
  it('are imported by another file', () => {
    const used = usedNames(sources);
    const isUsed = (file: SourceFile, name: string): boolean => {
      const names = used.get(withoutExtension(file.path));
      return names?.has(name) === true || names?.has('*') === true;
    };
    const unused = productSources.flatMap((file) =>
      exportedValues(file)
        .filter((name) => !isUsed(file, name))
        .map((name) => `${file.path}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  it('are found as they are written', () => {
    const file = parseSource(
      'a/b.ts',
      'export const c = 1;\nexport async function d() {}\nexport class E {}\nexport type F = 1;\nconst g = 1;\nexport { g };',
    );
    expect(exportedValues(file)).toEqual(['c', 'd', 'E']);
    const importer = parseSource(
      'a/h.ts',
      "import { c as x, type e } from './b.js';\nexport { d } from './b.js';\nimport * as all from './i.js';\nimport('./j.js');",
    );
    expect(usedNames([importer])).toEqual(
      new Map([
        ['a/b', new Set(['c', 'e', 'd'])],
        ['a/i', new Set(['*'])],
        ['a/j', new Set(['*'])],
      ]),
    );
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

/** One line for each cycle found by a depth-first walk. */
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
