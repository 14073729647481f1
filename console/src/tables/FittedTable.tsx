/**
 * A table that fits the room it has. Columns that don't fit go below the row's first column, the last ones first, each with its
 * heading; where only the first column is left, each row is a card. So the order of the columns is their importance.
 */
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useMemo, useRef } from "react";
import { useWidth } from "../components/width";
import { ShortTimes } from "../times/Timestamp";

/** A column without a least width of its own. */
const USUAL_PIXELS = 120;
/** A letter of a heading, whose words aren't broken, and the room around the heading. */
const LETTER_PIXELS = 9;
const HEADING_PIXELS = 40;
/** The borders of the table with the room inside them, and the column with the boxes to select rows. */
const BORDER_PIXELS = 60;
const SELECTION_PIXELS = 54;
/** Of a heading and its value in a card. Below it, two columns are as hard to read as in a phone. */
const CARD_PIXELS = 480;
/** The column of the buttons. It has no heading in a card, and goes below the first column last. */
const ACTIONS = "actions";
/** The cell of a row without a value. Below the first column there is no line for it. */
const NOTHING = "–";

type Column<T> = TableProps.ColumnDefinition<T>;

export function FittedTable<T>({ columnDefinitions, ...table }: TableProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const room = width - BORDER_PIXELS - (table.selectionType ? SELECTION_PIXELS : 0);
  const kept = countFitting(columnDefinitions, room);
  const columns = useMemo(() => foldColumns(columnDefinitions, kept, room), [columnDefinitions, kept, room]);
  return (
    <div ref={frame} className="fitted">
      <Table wrapLines {...table} columnDefinitions={columns} />
    </div>
  );
}

/** How many columns stay beside each other, the buttons not counted unless all fit. */
function countFitting<T>(columns: readonly Column<T>[], room: number): number {
  if (room <= 0 || addPixels(columns) <= room) return columns.length;
  if (room < CARD_PIXELS) return 1;
  const actions = columns.filter((column) => column.id === ACTIONS);
  const others = columns.filter((column) => column.id !== ACTIONS);
  let kept = others.length;
  while (kept > 1 && addPixels([...others.slice(0, kept), ...actions]) > room) kept -= 1;
  return kept;
}

function addPixels<T>(columns: readonly Column<T>[]): number {
  return columns.reduce((pixels, column) => pixels + leastPixels(column), 0);
}

function leastPixels<T>({ minWidth, width, header }: Column<T>): number {
  const words = typeof header === "string" ? header.split(" ") : [];
  const longest = Math.max(0, ...words.map((word) => word.length));
  return Math.max(Number(minWidth ?? width ?? USUAL_PIXELS), longest * LETTER_PIXELS + HEADING_PIXELS);
}

function foldColumns<T>(columns: readonly Column<T>[], kept: number, room: number): Column<T>[] {
  const others = columns.filter((column) => column.id !== ACTIONS);
  const actions = columns.filter((column) => column.id === ACTIONS);
  const [first] = others;
  if (!first || kept >= columns.length) return columns.map(shortenTimes);
  const isCard = kept === 1;
  const beside = isCard ? [] : [...others.slice(1, kept), ...actions];
  const below = [...others.slice(kept), ...(isCard ? actions : [])];
  const folded: Column<T> = {
    ...first,
    minWidth: isCard ? undefined : shareSpare(first, room - addPixels([first, ...beside])),
    width: undefined,
    cell: (item) => (
      <>
        {first.cell(item)}
        <Below columns={below} item={item} isCard={isCard} />
      </>
    ),
  };
  return [folded, ...beside].map(shortenTimes);
}

/** The column with the facts of others gets half of the room that is free. */
function shareSpare<T>(first: Column<T>, spare: number): number {
  return leastPixels(first) + Math.max(0, Math.floor(spare / 2));
}

function Below<T>({ columns, item, isCard }: { columns: readonly Column<T>[]; item: T; isCard: boolean }) {
  return (
    <div className={isCard ? "fitted__below fitted__below--card" : "fitted__below"}>
      {columns.map((column) => {
        const value = column.cell(item);
        return value === NOTHING ? null : (
          <div key={column.id} className="fitted__fact">
            {column.id !== ACTIONS && <span className="fitted__label">{column.header}</span>}
            <div>{value}</div>
          </div>
        );
      })}
    </div>
  );
}

function shortenTimes<T>(column: Column<T>): Column<T> {
  return { ...column, cell: (item): ReactNode => <ShortTimes.Provider value={true}>{column.cell(item)}</ShortTimes.Provider> };
}
