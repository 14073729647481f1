/** Keyboard operation of the tree. Source: ARIA Authoring Practices, treegrid pattern. */
import type { AccountRow } from "../organization/listing";
import { isFullySelected, listAccounts, type TreeRow } from "../organization/tree";

const PAGE_ROWS = 10;

/** What a row can do. */
export interface RowActions {
  onSelect: (accounts: readonly AccountRow[], isSelected: boolean) => void;
  onToggle: (ouId: string, isOpen: boolean) => void;
  onShow: (account: AccountRow) => void;
}

export interface TreeActions extends RowActions {
  selected: ReadonlySet<string>;
  /** How many accounts of each unit are selected. */
  counts: ReadonlyMap<string, number>;
}

/** Handle a key in a row. Returns the index of the next active row, or `null` if the key has no meaning. */
export function handleKey(key: string, rows: readonly TreeRow[], active: number, actions: TreeActions): number | null {
  const row = rows[active];
  if (!row) return null;
  const moved = moveBy(key, active, rows.length);
  if (moved !== null) return moved;
  if (key === "ArrowRight") return openOrEnter(row, active, actions);
  if (key === "ArrowLeft") return closeOrLeave(rows, row, active, actions);
  if (key === " ") actions.onSelect(listAccounts(row), !isFullySelectedRow(row, actions));
  else if (key === "Enter" && row.kind === "account") actions.onShow(row.account);
  else if (key === "Enter" && row.kind === "unit") actions.onToggle(row.id, !row.isOpen);
  else return null;
  return active;
}

function moveBy(key: string, active: number, count: number): number | null {
  const steps: { [key: string]: number } = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS, Home: -count, End: count };
  const step = steps[key];
  return step === undefined ? null : Math.min(count - 1, Math.max(0, active + step));
}

function openOrEnter(row: TreeRow, active: number, actions: TreeActions): number {
  if (row.kind !== "unit") return active;
  if (row.isOpen) return row.branch.all.length > 0 ? active + 1 : active;
  actions.onToggle(row.id, true);
  return active;
}

function closeOrLeave(rows: readonly TreeRow[], row: TreeRow, active: number, actions: TreeActions): number {
  if (row.kind === "unit" && row.isOpen) {
    actions.onToggle(row.id, false);
    return active;
  }
  for (let above = active - 1; above >= 0; above -= 1) if ((rows[above]?.level ?? 0) < row.level) return above;
  return active;
}

function isFullySelectedRow(row: TreeRow, actions: TreeActions): boolean {
  if (row.kind === "account") return actions.selected.has(row.id);
  return isFullySelected(row.branch, actions.counts.get(row.id) ?? 0);
}
