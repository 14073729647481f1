/** All accounts of the organization, from one answer, and read again by its tag: nothing comes if nothing changed. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { problemOf } from "../api/problems";
import { queries } from "../api/queries";
import type { Account, CompactListing, CredentialKind, Status, StatusCounts } from "../api/records";

export const CREDENTIAL_KINDS: readonly CredentialKind[] = ["password", "access_keys", "signing_certificates", "mfa_devices"];

export type Unit = CompactListing["organizational_units"][number];

export interface AccountRow {
  account_id: string;
  name: string;
  email: string;
  /** Its parent; `null` where its place isn't known. */
  ou_id: string | null;
  state: string;
  role: Account["role"];
  status: Status;
  reason: string | null;
  detail: string | null;
  /** Whether a root login that is kept on purpose is guarded. */
  isInOrder: boolean;
  /** What was found; `null` where it wasn't read. */
  kinds: CredentialKind[] | null;
  observedAt: string | null;
  tags: { [key: string]: string } | null;
  /** What a search looks into, in lower case. */
  text: string;
}

export interface Listing {
  etag: string | null;
  listedAt: string | null;
  organizationId: string;
  units: Unit[];
  accounts: AccountRow[];
  summary: StatusCounts;
  rootLoginsLeft: number;
}

const KEY = ["accounts", "compact"];

/** Read every few seconds. What was read last stays shown while the next answer is on its way, or doesn't come. */
export function useListing(everyMilliseconds: number) {
  return useQuery({ queryKey: KEY, queryFn: readListing, refetchInterval: everyMilliseconds, structuralSharing: false });
}

/** The accounts, and what is told of each beside them. */
export async function readAccountsAgain(): Promise<void> {
  await Promise.all(["accounts", "history", "ledger"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

async function readListing(): Promise<Listing> {
  const last = queries.getQueryData<Listing>(KEY);
  const header = last?.etag ? { "if-none-match": last.etag } : {};
  const { data, error, response } = await api.GET("/api/v1/accounts/compact", { params: { header } });
  if (response.status === 304 && last) return last;
  if (data === undefined) throw problemOf(response.status, error);
  return unfold(data, response.headers.get("ETag"));
}

/** One record for each account, from columns. */
function unfold(answer: CompactListing, etag: string | null): Listing {
  const { columns, kinds } = answer;
  const word = <T>(column: { words: T[]; at: number[] }, place: number): T => column.words[column.at[place] as number] as T;
  return {
    etag,
    listedAt: answer.listed_at,
    organizationId: answer.organization_id,
    units: answer.organizational_units,
    summary: answer.summary,
    rootLoginsLeft: answer.root_logins_left_to_secure,
    accounts: columns.account_id.map((account_id, place) => ({
      account_id,
      name: columns.name[place] as string,
      email: columns.email[place] as string,
      ou_id: word(columns.ou_id, place),
      state: word(columns.state, place),
      role: word(columns.role, place),
      status: word(columns.status, place),
      reason: word(columns.reason, place),
      detail: word(columns.detail, place),
      isInOrder: columns.is_in_order[place] === 1,
      kinds: listKinds(columns.kinds[place] ?? null, kinds),
      observedAt: readMoment(columns.observed_at[place] ?? null),
      tags: columns.tags[place] ?? null,
      text: [account_id, columns.name[place], columns.email[place]].join("\n").toLowerCase(),
    })),
  };
}

function listKinds(sum: number | null, kinds: readonly CredentialKind[]): CredentialKind[] | null {
  if (sum === null) return null;
  return kinds.filter((_, place) => (sum & (1 << place)) !== 0);
}

function readMoment(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1_000).toISOString();
}
