/** Bucket and queue policies as the server's unlock jobs show and change them. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { api, ask } from "../api/client";
import type { components } from "../api/generated";
import type { Job, ListedResource, ShownPolicy } from "../api/records";

export type Kind = ShownPolicy["service"];
export type Verdict = ShownPolicy["verdict"];
export type Change = components["schemas"]["ChangeKind"];

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
  return ask(api.POST("/api/v1/unlocks", { body }));
}

export function askForChange(shown: ShownPolicy, change: Change, policy?: string): Promise<Job> {
  const { account_id: account, service: kind, name: resource, region, sha256: shown_sha256 } = shown;
  return askForUnlock({ account, kind, resource, region, change, shown_sha256, policy });
}
