/** The organizations of a server: read, counted and sorted. What isn't known is counted apart, and never as good. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { Organization, OrganizationNumbers } from "../api/records";

const REFRESH_MILLISECONDS = 30_000;

/** Those in which the user has a role, read again and again while the page of all is shown. */
export function useOrganizations() {
  return useQuery({ ...ORGANIZATIONS, refetchInterval: REFRESH_MILLISECONDS });
}

/** The same for the menu of every page, whose names seldom change: each organization counts its numbers for it. */
export function useOrganizationNames(isOneOfSeveral: boolean) {
  return useQuery({ ...ORGANIZATIONS, enabled: isOneOfSeveral, staleTime: Infinity });
}

const ORGANIZATIONS = {
  queryKey: ["organizations"],
  queryFn: async () => (await unwrap(api.GET("/api/v1/overview/organizations"))).organizations,
};

/** A number of the table and of the headline. */
export type CountName = Exclude<keyof OrganizationNumbers, "last_complete_audit_at" | "trend" | "compared_at" | "unknown_controls">;

export interface CountColumn {
  id: CountName;
  header: string;
  /** The page of the organization that shows what the number counts. */
  path: string;
  /** Whether the number is about accounts, which aren't known before the first audit. */
  isOfAccounts: boolean;
}

/** The most urgent first. */
export const COUNTS: readonly CountColumn[] = [
  { id: "failed_closings", header: "Failed closings", path: "/windows?show=open", isOfAccounts: false },
  { id: "root_logins_left", header: "Root logins left", path: "/accounts?left=known", isOfAccounts: true },
  { id: "unknown", header: "Unknown accounts", path: "/accounts?left=unknown", isOfAccounts: true },
  { id: "reviews_due", header: "Reviews due", path: "/", isOfAccounts: false },
  { id: "failing_controls", header: "Failing controls", path: "/controls", isOfAccounts: true },
  { id: "open_windows", header: "Open windows", path: "/windows?show=open", isOfAccounts: false },
  { id: "unread", header: "Unread accounts", path: "/accounts?left=unread", isOfAccounts: true },
  { id: "accounts", header: "Accounts", path: "/accounts", isOfAccounts: true },
];

/** Whether the accounts of the organization are unknown: no number was read, or none was ever listed. */
export function isUnknown({ numbers }: Organization): boolean {
  return numbers === null || numbers.accounts === 0;
}

/** A number of an organization; `null` if it is unknown. */
export function readCount(organization: Organization, { id, isOfAccounts }: CountColumn): number | null {
  if (organization.numbers === null || (isOfAccounts && isUnknown(organization))) return null;
  return organization.numbers[id];
}

/** The sum over the organizations whose number is known. */
export function addCounts(organizations: readonly Organization[], column: CountColumn): number {
  return organizations.reduce((sum, organization) => sum + (readCount(organization, column) ?? 0), 0);
}

/** Controls that can't be judged: they are neither failing nor good. */
export function countUnknownControls(organizations: readonly Organization[]): number {
  return organizations.reduce((sum, { numbers }) => sum + (numbers?.unknown_controls ?? 0), 0);
}

/** Whether nothing is left to do in any organization, and everything is known. */
export function isAllDone(organizations: readonly Organization[]): boolean {
  const isClean = (organization: Organization) =>
    organization.problem === null && organization.numbers?.unknown_controls === 0 && COUNTS.filter(({ id }) => id !== "accounts").every((column) => readCount(organization, column) === 0);
  return organizations.length > 0 && organizations.every(isClean);
}

export interface Sorting {
  /** `most` for the most to do first, `name`, `audited`, or the id of a number. */
  by: string;
  isDescending: boolean;
}

export const MOST_FIRST: Sorting = { by: "most", isDescending: true };

/** An unknown number comes last in both directions. */
export function sortOrganizations(organizations: readonly Organization[], { by, isDescending }: Sorting): Organization[] {
  const byName = [...organizations].sort((one, other) => one.name.localeCompare(other.name));
  if (by === "most") return byName.sort(compareUrgency);
  const sign = isDescending ? -1 : 1;
  return byName.sort((one, other) => {
    const [left, right] = [readKey(one, by), readKey(other, by)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return left < right ? -sign : left > right ? sign : 0;
  });
}

function readKey(organization: Organization, by: string): string | number | null {
  if (by === "name") return organization.name;
  if (by === "audited") return organization.numbers?.last_complete_audit_at ?? null;
  const column = COUNTS.find(({ id }) => id === by);
  return column ? readCount(organization, column) : null;
}

/** A failed closing comes before an organization without numbers, which can have any, and that before all others. */
function compareUrgency(one: Organization, other: Organization): number {
  const [left, right] = [listUrgency(one), listUrgency(other)];
  for (const [index, value] of left.entries()) {
    const difference = (right[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

function listUrgency(organization: Organization): number[] {
  const [failed = 0, ...others] = COUNTS.map((column) => readCount(organization, column) ?? 0);
  return [failed, Number(isUnknown(organization)), ...others];
}
