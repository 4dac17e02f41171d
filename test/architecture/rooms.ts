/**
 * The rooms of a folder and the arrows between them. A room is a folder with its files; a file that lies directly in the
 * folder is a room of its own. Arrows inside a room are not counted.
 */
import type { SourceFile } from './source-tree.js';

export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** The imports behind the arrow, as `importer -> imported`. */
  readonly imports: readonly string[];
}

export interface FolderPicture {
  readonly folder: string;
  readonly files: number;
  readonly rooms: readonly string[];
  readonly arrows: readonly Arrow[];
  /** Rooms by layer: layer 0 imports no other room, layer n imports at least one of layer n - 1. */
  readonly layers: readonly (readonly string[])[];
}

/** @param files product files; those outside the folder are left out */
export function pictureOf(folder: string, files: readonly SourceFile[]): FolderPicture {
  const inside = files.filter((file) => file.path.startsWith(`${folder}/`));
  const arrows = arrowsOf(folder, inside);
  const rooms = [...new Set(inside.map((file) => roomOf(folder, file.path)))].sort();
  return { folder, files: inside.length, rooms, arrows, layers: layersOf(rooms, arrows) };
}

/** Every folder that holds more than one room, the top-level ones included. */
export function foldersWithRooms(files: readonly SourceFile[]): string[] {
  const folders = new Set(files.flatMap((file) => foldersAbove(file.path)));
  return [...folders].filter((folder) => pictureOf(folder, files).rooms.length > 1).sort();
}

/** The room of a file or an import target, with or without its extension: `kernel/` or `forwarder`. */
function roomOf(folder: string, path: string): string {
  const [first = '', ...rest] = path.slice(folder.length + 1).split('/');
  return rest.length > 0 ? `${first}/` : first.replace(/\.tsx?$/, '');
}

function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
}

function arrowsOf(folder: string, files: readonly SourceFile[]): Arrow[] {
  const arrows = new Map<string, { from: string; to: string; imports: string[] }>();
  for (const file of files) {
    const from = roomOf(folder, file.path);
    for (const { target } of file.imports) {
      if (target?.startsWith(`${folder}/`) !== true) continue;
      const to = roomOf(folder, target);
      if (to === from) continue;
      const arrow = arrows.get(`${from} ${to}`) ?? { from, to, imports: [] };
      arrow.imports.push(`${file.path} -> ${target}`);
      arrows.set(`${from} ${to}`, arrow);
    }
  }
  return [...arrows.values()];
}

/** Rooms of a cycle, and those above them, are in no layer. */
function layersOf(rooms: readonly string[], arrows: readonly Arrow[]): string[][] {
  const layers: string[][] = [];
  const placed = new Set<string>();
  for (;;) {
    const isNext = (room: string): boolean =>
      !placed.has(room) && arrows.every(({ from, to }) => from !== room || placed.has(to));
    const layer = rooms.filter(isNext);
    if (layer.length === 0) return layers;
    layers.push(layer);
    for (const room of layer) placed.add(room);
  }
}

/** The picture as text: one line per room, the highest layer first. */
export function describePicture({ folder, files, rooms, arrows, layers }: FolderPicture): string {
  const lines = layers.flatMap((layer, depth) =>
    layer.map((room) => {
      const below = arrows.filter(({ from }) => from === room).map(({ to }) => to);
      return `  ${String(depth).padStart(2)}  ${room.padEnd(24)} ${below.length > 0 ? `-> ${below.sort().join(' ')}` : ''}`.trimEnd();
    }),
  );
  const head = `${folder}: ${files} files, ${rooms.length} rooms, ${layers.length} layers, ${arrows.length} arrows`;
  return [head, ...lines.reverse()].join('\n');
}
