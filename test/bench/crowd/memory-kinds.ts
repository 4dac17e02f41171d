/**
 * Parts of the resident memory of a Node process, from the text of `/proc/PID/smaps` (proc(5)). Pure. The kernel does not
 * know the owner of an anonymous mapping, so address and size decide:
 *
 * ```
 *  program    file-backed: the node executable, libraries; shared by all processes that run it
 *  arena      anonymous, within 1 to 2 GiB, where nothing but the router's arena is (router/kernel/arena.ts)
 *  malloc     [heap], and mappings that begin at a multiple of 64 MiB: the arenas of glibc
 *  v8         executable, or begins at a multiple of 256 KiB, as the pages of V8's heap do
 *  other      the rest: large ArrayBuffers, stacks, what malloc maps on its own
 * ```
 */

export const MEMORY_KINDS = ['program', 'arena', 'malloc', 'v8', 'other'] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

/** In bytes. */
export interface Resident {
  readonly rss: number;
  /** Proportional set size: a page shared by n processes counts as 1/n. */
  readonly pss: number;
}

export type MemoryByKind = Readonly<Record<MemoryKind, Resident>>;

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly permissions: string;
  readonly path: string;
}

const HEADER = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/;
const FIELD = /^(Rss|Pss): +(\d+) kB$/;
const V8_PAGE_BYTES = 2 ** 18;
const MALLOC_ARENA_BYTES = 2 ** 26;
const ARENA_START = 2 ** 30;
const ARENA_END = 2 ** 31;
const KIB = 1024;

/** @param smaps empty for a process that is gone */
export function memoryByKind(smaps: string): MemoryByKind {
  const sums = Object.fromEntries(MEMORY_KINDS.map((kind) => [kind, { rss: 0, pss: 0 }])) as Record<
    MemoryKind,
    { rss: number; pss: number }
  >;
  let kind: MemoryKind = 'other';
  for (const line of smaps.split('\n')) {
    const mapping = parseHeader(line);
    if (mapping !== null) kind = kindOf(mapping);
    const [, name, kib] = FIELD.exec(line) ?? [];
    if (name === 'Rss') sums[kind].rss += Number(kib) * KIB;
    if (name === 'Pss') sums[kind].pss += Number(kib) * KIB;
  }
  return sums;
}

export function totalOf(memory: MemoryByKind): Resident {
  const parts = MEMORY_KINDS.map((kind) => memory[kind]);
  return { rss: parts.reduce((sum, { rss }) => sum + rss, 0), pss: parts.reduce((sum, { pss }) => sum + pss, 0) };
}

function parseHeader(line: string): Mapping | null {
  const [, start, end, permissions, path] = HEADER.exec(line) ?? [];
  if (start === undefined || end === undefined || permissions === undefined) return null;
  return { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), permissions, path: path ?? '' };
}

function kindOf({ start, end, permissions, path }: Mapping): MemoryKind {
  if (path.startsWith('/')) return 'program';
  if (path === '[heap]') return 'malloc';
  if (path !== '') return 'other';
  if (start >= ARENA_START && end <= ARENA_END) return 'arena';
  if (permissions.includes('x')) return 'v8';
  if (start % MALLOC_ARENA_BYTES === 0) return 'malloc';
  return start % V8_PAGE_BYTES === 0 ? 'v8' : 'other';
}
