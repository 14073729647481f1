/** The selected accounts, the selection that the server receives, and why an account can't be part of it. */
import type { components } from "../api/generated";
import { observable } from "../api/observable";
import { session } from "../api/session";
import type { AccountListing, AccountRow } from "./listing";
import { type Branch, buildTree } from "./tree";

export type SelectionBody = components["schemas"]["SelectionBody"];

/** The ids of the selected accounts, kept across pages while the console is open. */
export const selectedAccounts = observable<ReadonlySet<string>>(new Set());

/** The next user doesn't get the selection of this one. */
session.subscribe(() => {
  const now = session.get();
  if (now.state === "signed_out" && !now.hasExpired) selectedAccounts.set(new Set());
});

export interface ExcludedAccount {
  account: AccountRow;
  reason: string;
}

export const EMPTY_SELECTION: SelectionBody = {
  named: [],
  organizational_units: [],
  tags: [],
  account_states: [],
  statuses: [],
  excluded: [],
  everything: false,
  included_failsafes: [],
};

export function selectAccounts(accountIds: readonly string[]): SelectionBody {
  return { ...EMPTY_SELECTION, named: [...accountIds] };
}

/** Group a selection by whole units, so that the server reports every account of a unit, including skipped ones. */
export function groupSelection(listing: AccountListing, selected: ReadonlySet<string>): { units: Branch[]; accounts: AccountRow[] } {
  const units: Branch[] = [];
  const accounts: AccountRow[] = [];
  const isWhole = (branch: Branch) => branch.all.length > 1 && branch.all.every((one) => selected.has(one.account_id));
  const visit = (branch: Branch): void => {
    if (isWhole(branch) && branch.unit.ou_id !== "elsewhere") {
      units.push(branch);
      return;
    }
    branch.branches.forEach(visit);
    accounts.push(...branch.accounts.filter((one) => selected.has(one.account_id)));
  };
  buildTree(listing, null).forEach(visit);
  return { units, accounts };
}

/** The selection for an audit, which reads every account that can be read. */
export function selectForAudit(listing: AccountListing, selected: ReadonlySet<string>): SelectionBody {
  const { units, accounts } = groupSelection(listing, selected);
  return {
    ...EMPTY_SELECTION,
    organizational_units: units.map((branch) => branch.unit.ou_id),
    named: accounts.map((account) => account.account_id),
  };
}

/**
 * The selection for a deletion. The server refuses a request that names a protected account, so protected accounts are
 * excluded here, each with the reason.
 */
export function selectForDeletion(
  listing: AccountListing,
  selected: ReadonlySet<string>,
  exceptions: ReadonlyMap<string, string>,
): { selection: SelectionBody; excluded: ExcludedAccount[] } {
  const { units, accounts } = groupSelection(listing, selected);
  const excluded = accounts.flatMap((account) => {
    const reason = findDeletionObstacle(account, exceptions);
    return reason ? [{ account, reason }] : [];
  });
  const excludedIds = new Set(excluded.map((one) => one.account.account_id));
  return {
    selection: {
      ...EMPTY_SELECTION,
      organizational_units: units.map((branch) => branch.unit.ou_id),
      named: accounts.map((account) => account.account_id).filter((id) => !excludedIds.has(id)),
    },
    excluded,
  };
}

export function isEmptySelection(selection: SelectionBody): boolean {
  return selection.named.length === 0 && selection.organizational_units.length === 0;
}

/** Why deletion can't include an account now; `null` if it can. */
export function findDeletionObstacle(account: AccountRow, exceptions: ReadonlyMap<string, string>): string | null {
  if (account.role === "management") return "Rootkeeper never changes the root user of the management account.";
  if (account.role === "failsafe") return "The account is the failsafe: its root login is kept.";
  if (account.state !== "ACTIVE") return `The account is ${account.state}.`;
  if (account.status === "recovery_open") return "A recovery window is open. Close it first.";
  return exceptions.get(account.account_id) ?? null;
}

/** Why an account can't get a recovery window; `null` if it can. The server checks this and more. */
export function findRecoveryObstacle(account: AccountRow): string | null {
  if (account.role === "management") return "Root access management doesn't cover the root user of the management account.";
  if (account.state !== "ACTIVE") return `The account is ${account.state}.`;
  if (account.status === "recovery_open") return "This account already has an open recovery window.";
  return null;
}
