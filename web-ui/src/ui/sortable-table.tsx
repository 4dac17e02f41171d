/** Table that sorts by any column on click or Enter in its head. Of a long list it shows the first rows and a button for all. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { formatCount } from '../format.js';
import { sortRows } from './sort-rows.js';
import type { SortKey, SortOrder } from './sort-rows.js';

/** With more rows every live update is slow. */
const FIRST_ROWS = 200;

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly kind?: 'text' | 'number' | 'mono';
  readonly sortKey: (row: Row) => SortKey;
  readonly cell: (row: Row) => ComponentChildren;
}

export interface SortableTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly isSelected: (row: Row) => boolean;
  readonly onChoose: (row: Row) => void;
  readonly empty: ComponentChildren;
}

export function SortableTable<Row>(props: SortableTableProps<Row>) {
  const order = useSignal<SortOrder>({ column: props.columns[0]?.id ?? '', descending: false });
  const all = useSignal(false);
  const column = props.columns.find((each) => each.id === order.value.column);
  const sorted = column === undefined ? props.rows : sortRows(props.rows, column.sortKey, order.value.descending);
  const shown = all.value ? sorted : sorted.slice(0, FIRST_ROWS);
  if (props.rows.length === 0) return <div class="empty-row">{props.empty}</div>;
  return (
    <>
      <table role="grid">
        <caption class="visually-hidden">{props.caption}</caption>
        <thead>
          <tr>
            {props.columns.map((each) => (
              <HeadCell key={each.id} column={each} order={order.value} onOrder={(next) => (order.value = next)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <BodyRow key={props.rowKey(row)} row={row} table={props} />
          ))}
        </tbody>
      </table>
      {shown.length === sorted.length ? null : (
        <button type="button" class="more-rows" onClick={() => (all.value = true)}>
          Show the other {formatCount(sorted.length - shown.length)} rows
        </button>
      )}
    </>
  );
}

interface HeadCellProps<Row> {
  readonly column: Column<Row>;
  readonly order: SortOrder;
  readonly onOrder: (order: SortOrder) => void;
}

function HeadCell<Row>({ column, order, onOrder }: HeadCellProps<Row>) {
  const active = order.column === column.id;
  const turn = (): void => onOrder({ column: column.id, descending: active && !order.descending });
  return (
    <th
      class={`is-${column.kind ?? 'text'}`}
      aria-sort={active ? (order.descending ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" onClick={turn}>
        {column.title}
        <span class="sort-mark" aria-hidden="true">
          {active ? (order.descending ? '▾' : '▴') : ''}
        </span>
      </button>
    </th>
  );
}

function BodyRow<Row>({ row, table }: { row: Row; table: SortableTableProps<Row> }) {
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') table.onChoose(row);
  };
  return (
    <tr
      role="row"
      aria-selected={table.isSelected(row)}
      tabIndex={0}
      class={table.isSelected(row) ? 'is-selected' : ''}
      onClick={() => table.onChoose(row)}
      onKeyDown={onKey}
    >
      {table.columns.map((column) => (
        <td key={column.id} role="gridcell" class={`is-${column.kind ?? 'text'}`}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}
