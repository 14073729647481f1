/** Bucket and queue policies as the server's unlock jobs show and change them; docs/reference/unlock-*.schema.json. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { api, ask } from "../api/client";
import type { components } from "../api/generated";
import type { Job } from "../api/records";

export type Kind = "s3" | "sqs";
export type Verdict = "locked" | "depends" | "open" | "no_policy" | "unknown";
export type Change = components["schemas"]["ChangeKind"];

export interface ListedResource {
  name: string;
  region: string;
  verdict: Verdict;
  explanation: string;
  locking_statements: string[];
  protected: boolean;
}

export interface Listing {
  account_id: string;
  service: Kind;
  buckets?: ListedResource[];
  queues?: ListedResource[];
  unread_regions: { region: string; reason: string }[];
}

export interface ShownPolicy {
  account_id: string;
  service: Kind;
  name: string;
  region: string;
  verdict: Verdict;
  explanation: string;
  protected: boolean;
  sha256: string | null;
  policy: unknown;
  policy_text: string | null;
  locking_statements: { number: number; sid: string | null; verdict: Verdict; explanation: string }[];
  corrected_policy: unknown;
}

export interface ChangeOutcome {
  account_id: string;
  service: Kind;
  name: string;
  region: string;
  change: Change;
  result: "done" | "failed" | "unchanged" | "unknown";
  explanation: string;
  verdict_after: Verdict | null;
  saved: { path: string; sha256: string } | null;
}

export const VERDICTS: { readonly [verdict in Verdict]: { type: StatusIndicatorProps.Type; words: string } } = {
  locked: { type: "error", words: "Locks everyone out" },
  depends: { type: "warning", words: "Locks out all but some" },
  open: { type: "success", words: "Locks nobody out" },
  no_policy: { type: "success", words: "No policy" },
  unknown: { type: "pending", words: "Unknown" },
};

const SEVERITY: readonly Verdict[] = ["locked", "depends", "unknown", "open", "no_policy"];

/** What locks comes first. */
export function sortBySeverity(found: readonly ListedResource[]): ListedResource[] {
  return [...found].sort(
    (one, other) => SEVERITY.indexOf(one.verdict) - SEVERITY.indexOf(other.verdict) || one.name.localeCompare(other.name),
  );
}

export const NOUNS: { readonly [kind in Kind]: string } = { s3: "bucket", sqs: "queue" };

interface Wish {
  account: string;
  kind: Kind;
  resource?: string;
  region?: string;
  change?: Change;
  shown_sha256?: string | null;
  policy?: string;
}

/** Queues are looked for Region by Region, and buckets wherever they are. */
export function askForUnlock({ region, ...wish }: Wish): Promise<Job> {
  const body = { ...wish, regions: region && wish.kind === "sqs" ? [region] : [], included_failsafes: [] };
  return ask<Job>(api.POST("/api/v1/unlocks", { body }));
}

export function askForChange(shown: ShownPolicy, change: Change, policy?: string): Promise<Job> {
  const { account_id: account, service: kind, name: resource, region, sha256: shown_sha256 } = shown;
  return askForUnlock({ account, kind, resource, region, change, shown_sha256, policy });
}
