/** Output formats (`-o`), and the printing of a document in one of them. */
import { formatYaml } from '../../common/codec/yaml.js';
import type { Paint } from './paint.js';
import { formatTable } from './table.js';
import type { Column } from './table.js';
import type { Terminal } from './terminal.js';

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Text of a document for people; json and yaml print the document itself. */
export interface View<Document> {
  readonly text: (document: Document, context: ViewContext) => string;
}

export interface ViewContext {
  readonly wide: boolean;
  readonly paint: Paint;
  readonly nowMs: number;
  readonly columns: number | null;
}

/** Ends with a newline. */
export function formatDocument<Document>(
  document: Document,
  view: View<Document>,
  format: OutputFormat,
  terminal: Terminal,
  paint: Paint,
): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'yaml':
      return formatYaml(document);
    case 'table':
    case 'wide':
      return view.text(document, {
        wide: format === 'wide',
        paint,
        nowMs: terminal.nowMs(),
        columns: terminal.columns,
      });
  }
}

/** View of rows as a table. @param columnsAt columns, which may show ages @param empty sentence for no rows */
export function tableView<Row>(
  columnsAt: (nowMs: number) => readonly Column<Row>[],
  empty: string,
): View<readonly Row[]> {
  return {
    text(rows, context) {
      if (rows.length === 0) return `${empty}\n`;
      const columns = columnsAt(context.nowMs).filter((column) => context.wide || column.wide !== true);
      return formatTable(rows, columns, context.paint, context.columns);
    },
  };
}
