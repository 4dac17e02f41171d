/**
 * Table in aligned columns without borders, as in kubectl: a header in capitals, three spaces between columns, the last
 * column without padding. Control characters are replaced, since text of other nodes must not move the cursor.
 */
import type { Paint, Tone } from './paint.js';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly tone?: (row: Row) => Tone;
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

const GAP = '   ';
/** Minimum width of the last column when it is shortened to fit a terminal. */
const MIN_LAST_WIDTH = 12;
const ELLIPSIS = '...';

/** @param terminalColumns the last column is shortened to fit; null leaves every line whole */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  paint: Paint,
  terminalColumns: number | null,
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row)) || '-'));
  const widths = columns.map((column, i) => Math.max(column.title.length, ...cells.map((line) => widthOf(line[i]!))));
  const lastStart = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const lastWidth = terminalColumns === null ? Infinity : Math.max(MIN_LAST_WIDTH, terminalColumns - lastStart);
  const line = (texts: readonly string[], toneOf: (i: number) => Tone): string =>
    texts
      .map((text, i) => {
        const last = i === texts.length - 1;
        const shown = last ? shorten(text, lastWidth) : text;
        return paint(toneOf(i), shown) + (last ? '' : ' '.repeat(widths[i]! - widthOf(shown)) + GAP);
      })
      .join('')
      .trimEnd();
  const header = line(
    columns.map((column) => column.title),
    () => 'plain',
  );
  const body = cells.map((texts, i) => line(texts, (column) => columns[column]?.tone?.(rows[i]!) ?? 'plain'));
  return [header, ...body, ''].join('\n');
}

/** Control characters (also the 8-bit ones) and line separators become `?`. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?');
}

/** As {@link printable}, but keeps the line feeds. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Characters, not UTF-16 units. */
function widthOf(text: string): number {
  return [...text].length;
}

function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return [...text].slice(0, width - ELLIPSIS.length).join('') + ELLIPSIS;
}
