/** Which accounts are looked for. */
import type { Status } from "../api/records";
import { STATUSES } from "../overview/statuses";
import type { AddressForm } from "../tables/address-filter";
import type { AccountRow, Listing } from "./listing";

export interface AccountFilter {
  text: string;
  statuses: readonly Status[];
  /** A unit; what is below it counts. */
  ouId: string | null;
  /** As `key=value`. */
  tag: string | null;
}

export const NO_FILTER: AccountFilter = { text: "", statuses: [], ouId: null, tag: null };

/** Such as `?q=payments&status=present&status=unknown&unit=ou-abcd-11112222&tag=team%3Dshop`. */
export const FILTER_ADDRESS: AddressForm<AccountFilter> = {
  read: (parameters) => {
    const asked = parameters.getAll("status");
    return simplify({
      text: parameters.get("q") ?? "",
      statuses: STATUSES.map((one) => one.status).filter((status) => asked.includes(status)),
      ouId: parameters.get("unit"),
      tag: parameters.get("tag"),
    });
  },
  write: ({ text, statuses, ouId, tag }) => ({
    q: text ? [text] : [],
    status: statuses,
    unit: ouId ? [ouId] : [],
    tag: tag ? [tag] : [],
  }),
};

/** The filter, or `NO_FILTER` itself if nothing is asked for. */
export function simplify(filter: AccountFilter): AccountFilter {
  return filter.text === "" && filter.statuses.length === 0 && !filter.ouId && !filter.tag ? NO_FILTER : filter;
}

/** The test of an account, or `null` if nothing is filtered. */
export function makeTest(filter: AccountFilter, listing: Listing): ((account: AccountRow) => boolean) | null {
  const text = filter.text.trim().toLowerCase();
  if (!text && filter.statuses.length === 0 && !filter.ouId && !filter.tag) return null;
  const units = filter.ouId ? listBelow(filter.ouId, listing) : null;
  const named = text ? findNamedUnits(text, listing) : null;
  return (account) =>
    (filter.statuses.length === 0 || filter.statuses.includes(account.status)) &&
    (units === null || (account.ou_id !== null && units.has(account.ou_id))) &&
    (filter.tag === null || listTags(account).includes(filter.tag)) &&
    (!text || account.text.includes(text) || (account.ou_id !== null && (named?.has(account.ou_id) ?? false)));
}

export function listTags(account: AccountRow): string[] {
  return Object.entries(account.tags ?? {}).map(([key, value]) => `${key}=${value}`);
}

/** All tags that were read, in order. */
export function listAllTags(listing: Listing): string[] {
  return [...new Set(listing.accounts.flatMap(listTags))].sort();
}

function listBelow(ouId: string, listing: Listing): Set<string> {
  const found = new Set([ouId]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const unit of listing.units) if (unit.parent_id !== null && found.has(unit.parent_id)) found.add(unit.ou_id);
  }
  return found;
}

/** A unit's name finds what is in it. */
function findNamedUnits(text: string, listing: Listing): Set<string> {
  const named = listing.units.filter((unit) => unit.parent_id !== null && unit.name.toLowerCase().includes(text));
  return new Set(named.flatMap((unit) => [...listBelow(unit.ou_id, listing)]));
}
