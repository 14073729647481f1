/**
 * The tree of the organization. However many rows there are, only those in sight are on the page; all have one height.
 * Keys: arrows move, open and close; Space chooses; Enter shows.
 */
import "./accounts.css";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent } from "react";
import type { Column } from "./columns";
import type { AccountRow } from "./listing";
import { actOnKey } from "./tree-keys";
import type { TreeRow } from "./tree";
import { TreeGridRow } from "./TreeGridRow";

const ROW_PIXELS = 40;
/** Rows beyond the edges of what is in sight. */
const SPARE = 6;
/** So many rows are all on the page. */
const FEW_ROWS = 100;
const NAME = { track: "minmax(20rem, 2fr)", rem: 20 };

export interface TreeGridProps {
  rows: readonly TreeRow[];
  columns: readonly Column[];
  chosen: ReadonlySet<string>;
  /** How many accounts of each unit are chosen. */
  counts: ReadonlyMap<string, number>;
  /** Of an exception, its words. */
  exceptions: ReadonlyMap<string, string>;
  openedId: string | null;
  onChoose: (accounts: readonly AccountRow[], isChosen: boolean) => void;
  onToggle: (ouId: string, isOpen: boolean) => void;
  onShow: (account: AccountRow) => void;
}

export function TreeGrid(props: TreeGridProps) {
  const { rows, columns } = props;
  const place = useRef<HTMLDivElement>(null);
  const { begin, end } = useSight(place, rows.length);
  const [activeId, setActiveId] = useState<string | null>(null);
  const active = Math.max(0, rows.findIndex((row) => row.id === activeId));
  const focus = useFocus(place, active);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = actOnKey(event.key, rows, active, props);
    if (next === null) return;
    event.preventDefault();
    const id = rows[next]?.id;
    if (id !== undefined) setActiveId(id);
    focus(next);
  };
  const style = useMemo(() => styleOf(columns), [columns]);
  const shown = rows.slice(begin, end).map((row, offset) => ({ row, index: begin + offset }));
  const beyond = rows[active];
  if (beyond && (active < begin || active >= end)) shown.push({ row: beyond, index: active });
  return (
    <div
      ref={place}
      className="tree"
      role="treegrid"
      aria-label="Accounts by organizational unit"
      aria-multiselectable
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + 1}
      style={style}
      onKeyDown={onKeyDown}
    >
      <div className="tree__row tree__head" role="row" aria-rowindex={1}>
        {[{ id: "name", header: "Name" }, ...columns].map((column) => (
          <div key={column.id} className="tree__cell" role="columnheader">
            {column.header}
          </div>
        ))}
      </div>
      <div className="tree__body" role="rowgroup" style={{ blockSize: rows.length * ROW_PIXELS }}>
        {shown.map(({ row, index }) => (
          <TreeGridRow
            key={row.id}
            row={row}
            index={index}
            top={index * ROW_PIXELS}
            columns={columns}
            isActive={index === active}
            isOpened={row.id === props.openedId}
            chosen={row.kind === "account" ? Number(props.chosen.has(row.id)) : (props.counts.get(row.id) ?? 0)}
            exception={row.kind === "account" ? props.exceptions.get(row.id) : undefined}
            onActive={setActiveId}
            onChoose={props.onChoose}
            onToggle={props.onToggle}
            onShow={props.onShow}
          />
        ))}
      </div>
    </div>
  );
}

function styleOf(columns: readonly Column[]): CSSProperties {
  const all = [NAME, ...columns];
  return {
    "--tree-tracks": all.map((one) => one.track).join(" "),
    "--tree-width": `${all.reduce((sum, one) => sum + one.rem, 0)}rem`,
    maxBlockSize: "max(18rem, calc(100vh - 22rem))",
  } as CSSProperties;
}

/** Which rows are in sight, by their places. */
function useSight(place: React.RefObject<HTMLDivElement | null>, count: number): { begin: number; end: number } {
  const [sight, setSight] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const grid = place.current;
    if (!grid) return undefined;
    const look = () => setSight({ top: grid.scrollTop, height: grid.clientHeight });
    const watcher = new ResizeObserver(look);
    watcher.observe(grid);
    grid.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watcher.disconnect();
      grid.removeEventListener("scroll", look);
    };
  }, [place]);
  if (count <= FEW_ROWS) return { begin: 0, end: count };
  const first = Math.min(Math.floor(sight.top / ROW_PIXELS), Math.max(0, count - 1));
  return {
    begin: Math.max(0, first - SPARE),
    end: Math.min(count, first + Math.ceil(sight.height / ROW_PIXELS) + SPARE),
  };
}

/** Moves the keyboard to a row once it is on the page, and the row into sight. */
function useFocus(place: React.RefObject<HTMLDivElement | null>, active: number): (index: number) => void {
  const [wanted, setWanted] = useState<{ index: number } | null>(null);
  useEffect(() => {
    const grid = place.current;
    if (!grid || !wanted || wanted.index !== active) return;
    const top = wanted.index * ROW_PIXELS;
    const room = grid.clientHeight - 2 * ROW_PIXELS;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top > grid.scrollTop + room) grid.scrollTop = top - room;
    grid.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus({ preventScroll: true });
  }, [place, active, wanted]);
  return useCallback((index: number) => setWanted({ index }), []);
}

/** Gives the keyboard back to the row where it was. */
export function focusTree(): void {
  document.querySelector<HTMLElement>('[role="treegrid"] [role="row"][tabindex="0"]')?.focus({ preventScroll: true });
}
