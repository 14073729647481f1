/**
 * The tree of the organization. Only the visible rows are in the page; all rows have the same height.
 * Keys: the arrows move, open and close; Space selects; Enter shows the account.
 */
import "./accounts.css";
import Icon from "@cloudscape-design/components/icon";
import { type CSSProperties, type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useWidth } from "../components/width";
import type { TreeRow } from "../organization/tree";
import type { Column, Sorting } from "./columns";
import { handleKey, type TreeActions } from "./tree-keyboard";
import { TreeGridRow } from "./TreeGridRow";

const ROW_PIXELS = 40;
/** Of a row with the status below the name. */
const STACKED_ROW_PIXELS = 60;
/** Rows rendered above and below the visible ones. */
const OVERSCAN_ROWS = 6;
/** Up to this many rows, all are rendered. */
const UNVIRTUALIZED_ROWS = 100;
const NAME_COLUMN = { track: "minmax(17.5rem, 3fr)", rem: 17.5 };

interface TreeGridProps extends TreeActions {
  /** The order of a list, which its headings change; a tree has none. */
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
  rows: readonly TreeRow[];
  columns: readonly Column[];
  /** The exception of each account, as text. */
  exceptions: ReadonlyMap<string, string>;
  openedId: string | null;
}

export function TreeGrid(props: TreeGridProps) {
  const { rows } = props;
  const gridRef = useRef<HTMLDivElement>(null);
  const fitting = useFittingColumns(gridRef, props.columns);
  const isNarrow = fitting === 0 && props.columns.length > 0;
  const columns = useMemo(() => props.columns.slice(0, Math.max(1, fitting)), [fitting, props.columns]);
  const rowPixels = isNarrow ? STACKED_ROW_PIXELS : ROW_PIXELS;
  const { start, end } = useVisibleRows(gridRef, rows.length, rowPixels);
  const [activeId, setActiveId] = useState<string | null>(null);
  const active = Math.max(0, rows.findIndex((row) => row.id === activeId));
  useRowInSight(gridRef, activeId !== null, rowPixels);
  const focus = useFocus(gridRef, active, rowPixels);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = handleKey(event.key, rows, active, props);
    if (next === null) return;
    event.preventDefault();
    const id = rows[next]?.id;
    if (id !== undefined) setActiveId(id);
    focus(next);
  };
  const style = useMemo(() => makeStyle(isNarrow ? [] : [NAME_COLUMN, ...columns]), [isNarrow, columns]);
  const shown = rows.slice(start, end).map((row, offset) => ({ row, index: start + offset }));
  const activeRow = rows[active];
  if (activeRow && (active < start || active >= end)) shown.push({ row: activeRow, index: active });
  return (
    <div
      ref={gridRef}
      className={isNarrow ? "tree tree--stacked" : "tree"}
      role="treegrid"
      aria-label={props.sorting ? "Accounts" : "Accounts by organizational unit"}
      aria-multiselectable
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + 1}
      style={style}
      onKeyDown={onKeyDown}
    >
      <div className="tree__row tree__head" role="row" aria-rowindex={1}>
        {[{ id: "name", header: "Name" }, ...columns].map((column) => (
          <ColumnHeader key={column.id} column={column} sorting={props.sorting} onSort={props.onSort} />
        ))}
      </div>
      <div className="tree__body" role="rowgroup" style={{ blockSize: rows.length * rowPixels }}>
        {shown.map(({ row, index }) => (
          <TreeGridRow
            key={row.id}
            row={row}
            index={index}
            top={index * rowPixels}
            columns={columns}
            isActive={index === active}
            isOpened={row.id === props.openedId}
            selected={row.kind === "account" ? Number(props.selected.has(row.id)) : (props.counts.get(row.id) ?? 0)}
            exception={row.kind === "account" ? props.exceptions.get(row.id) : undefined}
            onActive={setActiveId}
            onSelect={props.onSelect}
            onToggle={props.onToggle}
            onShow={props.onShow}
          />
        ))}
      </div>
    </div>
  );
}

interface ColumnHeaderProps {
  column: { id: string; header: string };
  sorting: Sorting | undefined;
  onSort: ((sorting: Sorting) => void) | undefined;
}

function ColumnHeader({ column, sorting, onSort }: ColumnHeaderProps) {
  if (!sorting)
    return (
      <div className="tree__cell" role="columnheader">
        {column.header}
      </div>
    );
  const isSorted = sorting.column === column.id;
  const direction = sorting.isDescending ? "descending" : "ascending";
  return (
    <div className="tree__cell" role="columnheader" aria-sort={isSorted ? direction : "none"}>
      <button
        type="button"
        className="tree__sort"
        onClick={() => onSort?.({ column: column.id, isDescending: isSorted && !sorting.isDescending })}
      >
        {column.header}
        {isSorted && <Icon name={sorting.isDescending ? "caret-down-filled" : "caret-up-filled"} />}
      </button>
    </div>
  );
}

/**
 * How many columns fit beside the name. The others are in the panel of the account. If none fits, as beside a panel or in a
 * narrow window, the first one is shown below the name.
 */
function useFittingColumns(gridRef: React.RefObject<HTMLDivElement | null>, columns: readonly Column[]): number {
  const remPixels = parseFloat(getComputedStyle(document.documentElement).fontSize);
  let room = useWidth(gridRef) / remPixels - NAME_COLUMN.rem;
  return columns.filter(({ rem }) => (room -= rem) >= 0).length;
}

function makeStyle(all: readonly Pick<Column, "track" | "rem">[]): CSSProperties {
  return {
    "--tree-tracks": all.map((one) => one.track).join(" "),
    "--tree-width": `${all.reduce((sum, one) => sum + one.rem, 0)}rem`,
    maxBlockSize: "max(18rem, calc(100vh - 22rem))",
  } as CSSProperties;
}

/** The range of rows to render. */
function useVisibleRows(gridRef: React.RefObject<HTMLDivElement | null>, count: number, rowPixels: number): { start: number; end: number } {
  const [viewport, setViewport] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const grid = gridRef.current;
    if (!grid) return undefined;
    const measure = () => setViewport({ top: grid.scrollTop, height: grid.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(grid);
    grid.addEventListener("scroll", measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      grid.removeEventListener("scroll", measure);
    };
  }, [gridRef]);
  if (count <= UNVIRTUALIZED_ROWS) return { start: 0, end: count };
  const first = Math.min(Math.floor(viewport.top / rowPixels), Math.max(0, count - 1));
  return {
    start: Math.max(0, first - OVERSCAN_ROWS),
    end: Math.min(count, first + Math.ceil(viewport.height / rowPixels) + OVERSCAN_ROWS),
  };
}

/** Keep the row that the user acted on in sight when a panel beside the tree makes its rows higher, or lower again. */
function useRowInSight(gridRef: React.RefObject<HTMLDivElement | null>, hasActed: boolean, rowPixels: number): void {
  useLayoutEffect(() => {
    if (hasActed) findActiveRow(gridRef.current)?.scrollIntoView({ block: "nearest" });
  }, [gridRef, hasActed, rowPixels]);
}

/** Focus a row after it is rendered, and scroll it into view. */
function useFocus(gridRef: React.RefObject<HTMLDivElement | null>, active: number, rowPixels: number): (index: number) => void {
  const [target, setTarget] = useState<{ index: number } | null>(null);
  useEffect(() => {
    const grid = gridRef.current;
    if (!grid || !target || target.index !== active) return;
    const top = target.index * rowPixels;
    const available = grid.clientHeight - 2 * rowPixels;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top > grid.scrollTop + available) grid.scrollTop = top - available;
    findActiveRow(grid)?.focus({ preventScroll: true });
  }, [gridRef, active, rowPixels, target]);
  return useCallback((index: number) => setTarget({ index }), []);
}

/** Return the focus to the row that had it. */
export function focusTree(): void {
  findActiveRow(document.querySelector('[role="treegrid"]'))?.focus({ preventScroll: true });
}

function findActiveRow(grid: Element | null): HTMLElement | null {
  return grid?.querySelector<HTMLElement>('[role="row"][tabindex="0"]') ?? null;
}
