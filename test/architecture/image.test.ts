import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.js';
import { productSources } from './source-tree.js';

interface Contents {
  readonly NODE_MAJOR: number;
  readonly PROGRAMS: readonly string[];
  readonly sizeProblem: (layerBytes: number) => string | null;
}

const { NODE_MAJOR, PROGRAMS, sizeProblem } = (await import(join(ROOT, 'deploy/image/contents.mjs'))) as Contents;
const ON_A_NODE = ['agent', 'cni', 'common', 'router', 'supervisor', 'cli'];
/** How the product names programs of the host that it runs. */
const RUN = /\b(?:run|output|runJson|spawn)\((?:\w*[cC]ommands, )?\s*'([a-z][\w-]+)'|\bprogram: '([a-z][\w-]+)'/g;

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

function programsOf(text: string): string[] {
  return [...text.matchAll(RUN)].map(([, called, named]) => (called ?? named)!);
}

describe('the image', () => {
  it('has every program that a node runs', () => {
    const wanted = productSources
      .filter(({ folder }) => ON_A_NODE.includes(folder))
      .flatMap(({ text }) => programsOf(text));
    expect(wanted.length).toBeGreaterThan(20);
    expect([...new Set(wanted)].filter((name) => !PROGRAMS.includes(name))).toEqual([]);
  });

  it('is seen to lack a program that it lacks', () => {
    expect(programsOf("commands.run('ip', []); runJson(commands, 'nft', []); ({ program: 'tc', args });")).toEqual([
      'ip',
      'nft',
      'tc',
    ]);
  });

  it('is refused above 110 MB packed, with both sizes', () => {
    expect(sizeProblem(110_000_000)).toBeNull();
    expect(sizeProblem(110_060_000)).toContain('The image has 110.1 MB packed, above the limit of 110.0 MB.');
  });

  it('has the same release line of Node by the Dockerfile and by `npm run image`', () => {
    expect(textOf('deploy/image/Dockerfile')).toContain(`FROM node:${NODE_MAJOR}-bookworm `);
  });
});
