/** What the accounts page filters by: a text and tokens, as they are in the URL, and whether an account matches. */
import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import type { CredentialKind } from "../api/records";
import type { AccountListing, AccountRow } from "../organization/listing";
import { ACCOUNT_STATES, KIND_NAMES, ROLE_NAMES, STATUSES } from "../organization/statuses";
import { buildTree, listBranches } from "../organization/tree";
import type { FilterCodec } from "../tables/url-filter";

export type Operator = "=" | "!=" | "<=" | ">";

export interface FilterToken {
  property: string;
  operator: Operator;
  /** One of them must fit; with `!=`, none. A number of days has one value. */
  values: readonly string[];
}

export interface AccountFilter {
  text: string;
  tokens: readonly FilterToken[];
}

export const NO_FILTER: AccountFilter = { text: "", tokens: [] };

/** What a filter knows beside the account itself. */
interface Surroundings {
  /** The reason of each exception, by account. */
  exceptions: ReadonlyMap<string, string>;
  now: number;
}

interface FilterProperty {
  id: string;
  label: string;
  valuesLabel: string;
  operators: readonly Operator[];
  /** The values of an account; a property in days has none. */
  read?: (account: AccountRow, surroundings: Surroundings) => readonly string[];
  /** The time of which the age in days is compared. */
  readTime?: (account: AccountRow) => string | null;
  /** The values to choose from, with their labels. */
  choices?: Readonly<Record<string, string>>;
  /** The kinds of which it is a time; it is known only of accounts that were read in detail. */
  timeOf?: readonly CredentialKind[];
}

const YES_NO = { yes: "Yes", no: "No" };
const yesNo = (is: boolean) => [is ? "yes" : "no"];
const capitalize = (words: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(words).map(([id, word]) => [id, word.charAt(0).toUpperCase() + word.slice(1)]));

export const PROPERTIES: readonly FilterProperty[] = [
  {
    id: "status",
    label: "Status",
    valuesLabel: "Statuses",
    operators: ["=", "!="],
    read: (account) => [account.counted],
    choices: Object.fromEntries(STATUSES.map(({ status, label }) => [status, label])),
  },
  {
    id: "left",
    label: "Root login",
    valuesLabel: "Root logins",
    operators: ["="],
    read: (account) => [account.left ?? "none", ...(account.isUnread ? ["unread"] : [])],
    choices: { known: "Left to secure", unknown: "Unknown", unread: "Not read by the last attempt", none: "Nothing left to secure" },
  },
  {
    id: "kind",
    label: "Credential",
    valuesLabel: "Credentials",
    operators: ["=", "!="],
    read: (account) => account.kinds ?? [],
    choices: capitalize(KIND_NAMES),
  },
  {
    id: "mfa_missing",
    label: "MFA missing",
    valuesLabel: "MFA missing",
    operators: ["="],
    read: (account) => yesNo(account.kinds !== null && account.kinds.includes("password") && !account.kinds.includes("mfa_devices")),
    choices: YES_NO,
  },
  {
    id: "age",
    label: "Oldest key or certificate",
    valuesLabel: "Days",
    operators: [">", "<="],
    readTime: (account) => account.oldestAt,
    timeOf: ["access_keys", "signing_certificates"],
  },
  {
    id: "key_used",
    label: "Access key last used",
    valuesLabel: "Days",
    operators: ["<=", ">"],
    readTime: (account) => account.keyUsedAt,
    timeOf: ["access_keys"],
  },
  {
    id: "password_used",
    label: "Password last used",
    valuesLabel: "Days",
    operators: ["<=", ">"],
    readTime: (account) => account.passwordUsedAt,
    timeOf: ["password"],
  },
  {
    id: "role",
    label: "Role",
    valuesLabel: "Roles",
    operators: ["=", "!="],
    read: (account) => [account.role],
    choices: ROLE_NAMES,
  },
  {
    id: "exception",
    label: "Exception",
    valuesLabel: "Exception",
    operators: ["="],
    read: (account, { exceptions }) => yesNo(exceptions.has(account.account_id)),
    choices: YES_NO,
  },
  {
    id: "deletion",
    label: "Deletion",
    valuesLabel: "Deletion",
    operators: ["="],
    read: (account, { exceptions }) => [findDeletion(account, exceptions)],
    choices: { safe: "Safe to delete now", used: "Used recently", unread: "Last use not known", exception: "Has an exception", none: "Nothing to delete" },
  },
  {
    id: "state",
    label: "Account state",
    valuesLabel: "Account states",
    operators: ["=", "!="],
    read: (account) => [account.state],
    choices: ACCOUNT_STATES,
  },
  {
    id: "directly",
    label: "Directly in unit",
    valuesLabel: "Organizational units",
    operators: ["="],
    read: (account) => (account.ou_id === null ? [] : [account.ou_id]),
  },
  { id: "unit", label: "Organizational unit", valuesLabel: "Organizational units", operators: ["=", "!="] },
  { id: "tag", label: "Tag", valuesLabel: "Tags", operators: ["=", "!="], read: listTags },
];

/** Filters that people ask for again and again, as addresses. */
export const COMMON_VIEWS: readonly { name: string; address: string }[] = [
  { name: "Root logins left to secure", address: "/accounts?left=known" },
  { name: "Unknown accounts", address: "/accounts?left=unknown" },
  { name: "Access keys used in the last 30 days", address: "/accounts?kind=access_keys&key_used=%3C%3D30" },
  { name: "Access keys or certificates older than 90 days", address: "/accounts?age=%3E90" },
  { name: "Passwords without MFA", address: "/accounts?mfa_missing=yes" },
  { name: "Safe to delete now", address: "/accounts?deletion=safe" },
  { name: "Exceptions", address: "/accounts?exception=yes" },
];

const TOKEN = /^(!=|<=|>)?(.*)$/s;

/** Such as `?q=payments&status=present&status=unknown&unit=ou-abcd-11112222&tag=team%3Dshop&age=%3E90`. */
export const FILTER_CODEC: FilterCodec<AccountFilter> = {
  read: (parameters) => {
    const tokens = PROPERTIES.flatMap(({ id, operators }) => {
      const found = new Map<Operator, string[]>();
      for (const written of parameters.getAll(id)) {
        const [, operator = "=", value = ""] = TOKEN.exec(written) ?? [];
        if (operators.includes(operator as Operator)) found.set(operator as Operator, [...(found.get(operator as Operator) ?? []), value]);
      }
      return [...found].map(([operator, values]) => ({ property: id, operator, values }));
    });
    return simplify({ text: parameters.get("q") ?? "", tokens });
  },
  write: ({ text, tokens }) => ({
    q: text ? [text] : [],
    ...Object.fromEntries(
      PROPERTIES.map(({ id }) => [
        id,
        tokens
          .filter((token) => token.property === id)
          .flatMap(({ operator, values }) => values.map((value) => `${operator === "=" ? "" : operator}${value}`)),
      ]),
    ),
  }),
};

/** What a deletion would find in an account; an exception comes first. */
export function findDeletion(account: AccountRow, exceptions: ReadonlyMap<string, string>): string {
  if (account.readiness === null) return "none";
  return exceptions.has(account.account_id) ? "exception" : account.readiness;
}

/** The filter, or `NO_FILTER` itself if it is empty. */
export function simplify(filter: AccountFilter): AccountFilter {
  return filter.text === "" && filter.tokens.length === 0 ? NO_FILTER : filter;
}

/** A predicate for accounts, or `null` if the filter is empty. */
export function makeMatcher(
  filter: AccountFilter,
  listing: AccountListing,
  surroundings: Surroundings,
): ((account: AccountRow) => boolean) | null {
  const text = filter.text.trim().toLowerCase();
  if (simplify({ ...filter, text }) === NO_FILTER) return null;
  const namedUnits = text ? findNamedUnits(text, listing) : null;
  const tests = filter.tokens.map((token) => makeTest(token, listing, surroundings));
  return (account) =>
    tests.every((test) => test(account)) &&
    (!text || account.text.includes(text) || (account.ou_id !== null && (namedUnits?.has(account.ou_id) ?? false)));
}

function makeTest(token: FilterToken, listing: AccountListing, surroundings: Surroundings): (account: AccountRow) => boolean {
  const { operator, values } = token;
  const property = PROPERTIES.find((one) => one.id === token.property);
  if (property?.readTime) return makeAgeTest(property.readTime, operator, Number(values[0]), surroundings.now);
  const isNegated = operator === "!=";
  if (token.property === "unit") {
    const below = new Set(values.flatMap((ouId) => [...listBelow(ouId, listing)]));
    return (account) => (account.ou_id !== null && below.has(account.ou_id)) !== isNegated;
  }
  return (account) => (property?.read?.(account, surroundings) ?? []).some((value) => values.includes(value)) !== isNegated;
}

const DAY_MILLISECONDS = 86_400_000;

/** An unknown time matches nothing: it is neither recent nor old. */
function makeAgeTest(readTime: (account: AccountRow) => string | null, operator: Operator, days: number, now: number) {
  return (account: AccountRow) => {
    const at = readTime(account);
    if (at === null || Number.isNaN(days)) return false;
    const age = (now - new Date(at).getTime()) / DAY_MILLISECONDS;
    return operator === ">" ? age > days : age <= days;
  };
}

/** Whether a member account has a credential that the filter judges by its times, and these weren't read. */
export function isUnjudged(filter: AccountFilter, account: AccountRow): boolean {
  if (account.role === "management" || account.hasDetails || account.kinds === null) return false;
  const timed = filter.tokens.flatMap(({ property }) => PROPERTIES.find((one) => one.id === property)?.timeOf ?? []);
  return account.kinds.some((kind) => timed.includes(kind));
}

export function listTags(account: AccountRow): string[] {
  return Object.entries(account.tags ?? {}).map(([key, value]) => `${key}=${value}`);
}

/** The choices of Cloudscape's filter, units and tags from the listing. */
export function listOptions(listing: AccountListing): PropertyFilterProps.FilteringOption[] {
  const fixed = PROPERTIES.flatMap(({ id, choices = {} }) =>
    Object.entries(choices).map(([value, label]) => ({ propertyKey: id, value, label })),
  );
  const units = listBranches(buildTree(listing, null)).flatMap(({ unit, path }) =>
    ["unit", "directly"].map((propertyKey) => ({ propertyKey, value: unit.ou_id, label: path })),
  );
  const tags = [...new Set(listing.accounts.flatMap(listTags))].sort().map((tag) => ({ propertyKey: "tag", value: tag, label: tag }));
  const days = ["7", "30", "90", "180", "365"];
  const ages = PROPERTIES.filter((one) => one.readTime).flatMap(({ id }) => days.map((value) => ({ propertyKey: id, value })));
  return [...fixed, ...units, ...tags, ...ages];
}

function listBelow(ouId: string, listing: AccountListing): Set<string> {
  const found = new Set([ouId]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const unit of listing.units) if (unit.parent_id !== null && found.has(unit.parent_id)) found.add(unit.ou_id);
  }
  return found;
}

/** A text that matches the name of a unit also matches everything in the unit. */
function findNamedUnits(text: string, listing: AccountListing): Set<string> {
  const namedUnits = listing.units.filter((unit) => unit.parent_id !== null && unit.name.toLowerCase().includes(text));
  return new Set(namedUnits.flatMap((unit) => [...listBelow(unit.ou_id, listing)]));
}
