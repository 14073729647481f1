/** All accounts of the organization in one answer. Its ETag avoids sending it again when nothing changed. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { parseProblem } from "../api/problems";
import { queries } from "../api/queries";
import type { Account, CompactListing, CredentialKind, DeletionReadiness, LeftToSecure, Status, StatusCounts } from "../api/records";

export const CREDENTIAL_KINDS: readonly CredentialKind[] = ["password", "access_keys", "signing_certificates", "mfa_devices"];

export type Unit = CompactListing["organizational_units"][number];

export interface AccountRow {
  account_id: string;
  name: string;
  email: string;
  /** The parent; `null` if it isn't known. */
  ou_id: string | null;
  state: string;
  role: Account["role"];
  status: Status;
  /** The status as which it counts: the management account is unknown while it isn't read. */
  counted: Status;
  reason: string | null;
  detail: string | null;
  /** Whether a root login that is kept on purpose is protected by MFA and has no keys or certificates. */
  isInOrder: boolean;
  /** How the account counts among the root logins left to secure; `null` if nothing is left to secure in it. */
  left: LeftToSecure | null;
  /** Whether the last attempt couldn't read the account, whatever an earlier reading shows. */
  isUnread: boolean;
  /** When, by whom and why an attempt after the last reading failed. */
  failedAttempt: string | null;
  /** The kinds of credentials found; `null` if they weren't read. */
  kinds: CredentialKind[] | null;
  /** Whether ages and last use of each kind that is there are known, also from an earlier audit. */
  hasDetails: boolean;
  /** The last use of the password or of any access key. */
  lastUsedAt: string | null;
  /** By what, such as "access key, s3, us-east-1". */
  lastUsedAs: string | null;
  passwordUsedAt: string | null;
  keyUsedAt: string | null;
  /** When the oldest access key or signing certificate was created. */
  oldestAt: string | null;
  observedAt: string | null;
  /** What a deletion would find, exceptions apart; `null` if it has nothing to do in the account. */
  readiness: DeletionReadiness | null;
  tags: { [key: string]: string } | null;
  /** The text that a search matches, in lower case. */
  text: string;
}

export interface AccountListing {
  etag: string | null;
  listedAt: string | null;
  organizationId: string;
  units: Unit[];
  accounts: AccountRow[];
  summary: StatusCounts;
}

const QUERY_KEY = ["accounts", "compact"];

/** Read at an interval. The last answer stays while the next one is loading or fails. */
export function useListing(everyMilliseconds: number) {
  return useQuery({ queryKey: QUERY_KEY, queryFn: readListing, refetchInterval: everyMilliseconds, structuralSharing: false });
}

/** The accounts as they are now, for a click. */
export function fetchListing(): Promise<AccountListing> {
  return queries.fetchQuery({ queryKey: QUERY_KEY, queryFn: readListing, structuralSharing: false });
}

/**
 * Read the accounts again, with the history and ledger entries of each. Ends when they are read, or can't be.
 *
 * The listing that is shown then includes everything so far: a request that is under way is ignored, because its answer may
 * have been made before.
 */
export async function refreshAccounts(): Promise<void> {
  await Promise.all(["accounts", "history", "ledger"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

async function readListing(): Promise<AccountListing> {
  const last = queries.getQueryData<AccountListing>(QUERY_KEY);
  const isOutdated = queries.getQueryState(QUERY_KEY)?.isInvalidated ?? false;
  const header = { ...(last?.etag && { "if-none-match": last.etag }), ...(isOutdated && { "cache-control": "no-cache" }) };
  const { data, error, response } = await api.GET("/api/v1/accounts/compact", { params: { header } });
  if (response.status === 304 && last) return last;
  if (data === undefined) throw parseProblem(response.status, error);
  return parseListing(data, response.headers.get("ETag"));
}

/** Convert the columns of the answer into one record for each account. */
function parseListing(answer: CompactListing, etag: string | null): AccountListing {
  const { columns, kinds } = answer;
  const readCell = <T>(column: { words: T[]; at: number[] }, index: number): T => column.words[column.at[index] as number] as T;
  return {
    etag,
    listedAt: answer.listed_at,
    organizationId: answer.organization_id,
    units: answer.organizational_units,
    summary: answer.summary,
    accounts: columns.account_id.map((account_id, index) => ({
      account_id,
      name: columns.name[index] as string,
      email: columns.email[index] as string,
      ou_id: readCell(columns.ou_id, index),
      state: readCell(columns.state, index),
      role: readCell(columns.role, index),
      status: readCell(columns.status, index),
      counted: readCell(columns.left_to_secure, index) === "unknown" ? "unknown" : readCell(columns.status, index),
      reason: readCell(columns.reason, index),
      detail: readCell(columns.detail, index),
      isInOrder: columns.is_in_order[index] === 1,
      left: readCell(columns.left_to_secure, index),
      isUnread: columns.unread[index] === 1,
      failedAttempt: readCell(columns.failed_attempt, index),
      kinds: listKinds(columns.kinds[index] ?? null, kinds),
      hasDetails: columns.has_details[index] === 1,
      lastUsedAt: parseTime(columns.last_used_at[index] ?? null),
      lastUsedAs: readCell(columns.last_used_as, index),
      passwordUsedAt: parseTime(columns.password_used_at[index] ?? null),
      keyUsedAt: parseTime(columns.key_used_at[index] ?? null),
      oldestAt: parseTime(columns.oldest_at[index] ?? null),
      observedAt: parseTime(columns.observed_at[index] ?? null),
      readiness: readCell(columns.deletion, index),
      tags: columns.tags[index] ?? null,
      text: [account_id, columns.name[index], columns.email[index]].join("\n").toLowerCase(),
    })),
  };
}

function listKinds(sum: number | null, kinds: readonly CredentialKind[]): CredentialKind[] | null {
  if (sum === null) return null;
  return kinds.filter((_, index) => (sum & (1 << index)) !== 0);
}

function parseTime(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1_000).toISOString();
}
