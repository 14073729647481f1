/** The organization as a tree: units with their accounts, filtered, and as rows. */
import type { Status } from "../api/records";
import type { AccountListing, AccountRow, Unit } from "./listing";

export interface Branch {
  unit: Unit;
  /** Such as `Root / Workloads / Prod`. */
  path: string;
  branches: Branch[];
  /** The accounts directly in the unit. */
  accounts: AccountRow[];
  /** The accounts in the unit and in all units below it. */
  all: AccountRow[];
  /** The number of accounts of `all` for each status. */
  counts: { [status in Status]: number };
}

export type TreeRow = { level: number; position: number; siblings: number } & (
  | { kind: "unit"; id: string; branch: Branch; isOpen: boolean }
  | { kind: "account"; id: string; account: AccountRow }
);

const UNKNOWN_UNIT: Unit = { ou_id: "elsewhere", name: "Unknown organizational unit", parent_id: null };

/** Build the tree. With a filter, units without a matching account are left out. */
export function buildTree(listing: AccountListing, matches: ((account: AccountRow) => boolean) | null): Branch[] {
  const accounts = groupBy(matches ? listing.accounts.filter(matches) : listing.accounts, listing.units);
  const children = new Map<string | null, Unit[]>();
  for (const unit of listing.units) children.set(unit.parent_id, [...(children.get(unit.parent_id) ?? []), unit]);
  const build = (unit: Unit, above: string): Branch => {
    const path = above ? `${above} / ${unit.name}` : unit.name;
    const branches = (children.get(unit.ou_id) ?? []).map((child) => build(child, path)).filter(isShown);
    const own = accounts.get(unit.ou_id) ?? [];
    const all = [...branches.flatMap((branch) => branch.all), ...own];
    return { unit, path, branches, accounts: own, all, counts: countStatuses(branches, own) };
  };
  const isShown = (branch: Branch) => matches === null || branch.all.length > 0;
  const roots = (children.get(null) ?? []).map((unit) => build(unit, "")).filter(isShown);
  return accounts.has(UNKNOWN_UNIT.ou_id) ? [...roots, build(UNKNOWN_UNIT, "")] : roots;
}

function groupBy(accounts: readonly AccountRow[], units: readonly Unit[]): Map<string, AccountRow[]> {
  const known = new Set(units.map((unit) => unit.ou_id));
  const found = new Map<string, AccountRow[]>();
  for (const account of accounts) {
    const place = account.ou_id !== null && known.has(account.ou_id) ? account.ou_id : UNKNOWN_UNIT.ou_id;
    const group = found.get(place);
    if (group) group.push(account);
    else found.set(place, [account]);
  }
  return found;
}

function countStatuses(branches: readonly Branch[], own: readonly AccountRow[]): Branch["counts"] {
  const counts = { present: 0, not_present: 0, recovery_open: 0, unknown: 0, not_applicable: 0 };
  for (const account of own) counts[account.counted] += 1;
  for (const branch of branches)
    for (const status of Object.keys(counts) as Status[]) counts[status] += branch.counts[status];
  return counts;
}

/** The rows from top to bottom. An open unit is followed by its units and accounts. */
export function listRows(roots: readonly Branch[], isOpen: (ouId: string) => boolean): TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (branch: Branch, level: number, position: number, siblings: number): void => {
    const open = isOpen(branch.unit.ou_id);
    rows.push({ kind: "unit", id: branch.unit.ou_id, branch, isOpen: open, level, position, siblings });
    if (!open) return;
    const below = branch.branches.length + branch.accounts.length;
    branch.branches.forEach((child, place) => add(child, level + 1, place + 1, below));
    branch.accounts.forEach((account, place) =>
      rows.push({
        kind: "account",
        id: account.account_id,
        account,
        level: level + 1,
        position: branch.branches.length + place + 1,
        siblings: below,
      }),
    );
  };
  roots.forEach((root, place) => add(root, 1, place + 1, roots.length));
  return rows;
}

/** The accounts as rows of a list, in this order. */
export function listFlatRows(accounts: readonly AccountRow[]): TreeRow[] {
  return accounts.map((account, place) => ({
    kind: "account",
    id: account.account_id,
    account,
    level: 1,
    position: place + 1,
    siblings: accounts.length,
  }));
}

/** Every branch, parents before children. */
export function listBranches(roots: readonly Branch[]): Branch[] {
  return roots.flatMap((root) => [root, ...listBranches(root.branches)]);
}

/** How many accounts of each unit are selected. */
export function countSelected(roots: readonly Branch[], selected: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (branch: Branch): number => {
    const below = branch.branches.reduce((sum, child) => sum + count(child), 0);
    const own = branch.accounts.reduce((sum, account) => sum + (selected.has(account.account_id) ? 1 : 0), below);
    counts.set(branch.unit.ou_id, own);
    return own;
  };
  roots.forEach(count);
  return counts;
}

/** The account of a row, or all accounts of its unit. */
export function listAccounts(row: TreeRow): readonly AccountRow[] {
  return row.kind === "account" ? [row.account] : row.branch.all;
}

export function isFullySelected(branch: Branch, selected: number): boolean {
  return branch.all.length > 0 && selected === branch.all.length;
}
