/** The accounts that are chosen, and how the server is asked for them. */
import type { components } from "../api/generated";
import { observable } from "../api/observable";
import { session } from "../api/session";
import type { AccountRow, Listing } from "./listing";
import { buildTree, type Branch } from "./tree";

export type SelectionBody = components["schemas"]["SelectionBody"];

/** Ids; kept while the console is open, also from page to page. */
export const chosenAccounts = observable<ReadonlySet<string>>(new Set());

/** What somebody chose isn't left to whoever signs in next. */
session.subscribe(() => {
  const now = session.get();
  if (now.state === "signed_out" && !now.hasExpired) chosenAccounts.set(new Set());
});

export interface Omission {
  account: AccountRow;
  why: string;
}

export const NOTHING: SelectionBody = {
  named: [],
  organizational_units: [],
  tags: [],
  account_states: [],
  statuses: [],
  excluded: [],
  everything: false,
  included_failsafes: [],
};

export function selectNamed(accountIds: readonly string[]): SelectionBody {
  return { ...NOTHING, named: [...accountIds] };
}

/** A whole unit is asked for as such, so that the server tells of each account in it what becomes of it. */
export function describeChoice(listing: Listing, chosen: ReadonlySet<string>): { units: Branch[]; accounts: AccountRow[] } {
  const units: Branch[] = [];
  const accounts: AccountRow[] = [];
  const isWhole = (branch: Branch) => branch.all.length > 1 && branch.all.every((one) => chosen.has(one.account_id));
  const visit = (branch: Branch): void => {
    if (isWhole(branch) && branch.unit.ou_id !== "elsewhere") {
      units.push(branch);
      return;
    }
    branch.branches.forEach(visit);
    accounts.push(...branch.accounts.filter((one) => chosen.has(one.account_id)));
  };
  buildTree(listing, null).forEach(visit);
  return { units, accounts };
}

/** For an audit, which reads whatever can be read. */
export function selectForAudit(listing: Listing, chosen: ReadonlySet<string>): SelectionBody {
  const { units, accounts } = describeChoice(listing, chosen);
  return {
    ...NOTHING,
    organizational_units: units.map((branch) => branch.unit.ou_id),
    named: accounts.map((account) => account.account_id),
  };
}

/**
 * For a deletion. The server refuses the whole of it if an account is named that may not be touched, so those are left
 * out here, each with its reason.
 */
export function selectForDeletion(
  listing: Listing,
  chosen: ReadonlySet<string>,
  excepted: ReadonlyMap<string, string>,
): { selection: SelectionBody; omitted: Omission[] } {
  const { units, accounts } = describeChoice(listing, chosen);
  const omitted = accounts.flatMap((account) => {
    const why = explainUntouchable(account, excepted);
    return why ? [{ account, why }] : [];
  });
  const left = new Set(omitted.map((one) => one.account.account_id));
  return {
    selection: {
      ...NOTHING,
      organizational_units: units.map((branch) => branch.unit.ou_id),
      named: accounts.map((account) => account.account_id).filter((id) => !left.has(id)),
    },
    omitted,
  };
}

export function isEmpty(selection: SelectionBody): boolean {
  return selection.named.length === 0 && selection.organizational_units.length === 0;
}

/** Why deletion never touches an account as things stand; `null` if it may. */
export function explainUntouchable(account: AccountRow, excepted: ReadonlyMap<string, string>): string | null {
  if (account.role === "management") return "The management account's root user is never touched.";
  if (account.role === "failsafe") return "Delegated administrator for IAM: its root login is the failsafe.";
  if (account.state !== "ACTIVE") return `The account is ${account.state}.`;
  if (account.status === "recovery_open") return "A recovery window is open: close it first.";
  return excepted.get(account.account_id) ?? null;
}
