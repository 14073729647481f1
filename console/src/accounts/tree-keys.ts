/** What keys mean in the tree. Source: ARIA Authoring Practices, treegrid pattern. */
import type { TreeGridProps } from "./TreeGrid";
import { isWhole, listAccounts, type TreeRow } from "./tree";

const PAGE_ROWS = 10;

type Acts = Pick<TreeGridProps, "chosen" | "counts" | "onChoose" | "onToggle" | "onShow">;

/** Does what a key means in a row; the place of the row that comes next, or `null` if the key means nothing. */
export function actOnKey(key: string, rows: readonly TreeRow[], active: number, acts: Acts): number | null {
  const row = rows[active];
  if (!row) return null;
  const moved = moveBy(key, active, rows.length);
  if (moved !== null) return moved;
  if (key === "ArrowRight") return openOrEnter(row, active, acts);
  if (key === "ArrowLeft") return closeOrLeave(rows, row, active, acts);
  if (key === " ") acts.onChoose(listAccounts(row), !isAllChosen(row, acts));
  else if (key === "Enter" && row.kind === "account") acts.onShow(row.account);
  else if (key === "Enter" && row.kind === "unit") acts.onToggle(row.id, !row.isOpen);
  else return null;
  return active;
}

function moveBy(key: string, active: number, count: number): number | null {
  const steps: { [key: string]: number } = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS, Home: -count, End: count };
  const step = steps[key];
  return step === undefined ? null : Math.min(count - 1, Math.max(0, active + step));
}

function openOrEnter(row: TreeRow, active: number, acts: Acts): number {
  if (row.kind !== "unit") return active;
  if (row.isOpen) return row.branch.all.length > 0 ? active + 1 : active;
  acts.onToggle(row.id, true);
  return active;
}

function closeOrLeave(rows: readonly TreeRow[], row: TreeRow, active: number, acts: Acts): number {
  if (row.kind === "unit" && row.isOpen) {
    acts.onToggle(row.id, false);
    return active;
  }
  for (let above = active - 1; above >= 0; above -= 1) if ((rows[above]?.level ?? 0) < row.level) return above;
  return active;
}

function isAllChosen(row: TreeRow, acts: Acts): boolean {
  if (row.kind === "account") return acts.chosen.has(row.id);
  return isWhole(row.branch, acts.counts.get(row.id) ?? 0);
}
