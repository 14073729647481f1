/** Bucket and queue policies: verdicts, and the jobs that list, show and change them. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { api, unwrap } from "../api/client";
import type { components } from "../api/generated";
import type { Job, ListedResource, ShownPolicy } from "../api/records";

export type Kind = ShownPolicy["service"];
export type Verdict = ShownPolicy["verdict"];
export type Change = components["schemas"]["ChangeKind"];

export const VERDICTS: { readonly [verdict in Verdict]: { type: StatusIndicatorProps.Type; label: string } } = {
  locked: { type: "error", label: "Locks everyone out" },
  depends: { type: "warning", label: "Locks out all but some" },
  open: { type: "success", label: "Open" },
  no_policy: { type: "success", label: "No policy" },
  unknown: { type: "pending", label: "Unknown" },
};

const SEVERITY: readonly Verdict[] = ["locked", "depends", "unknown", "open", "no_policy"];

/** Sort locked resources first. */
export function sortBySeverity(found: readonly ListedResource[]): ListedResource[] {
  return [...found].sort(
    (one, other) => SEVERITY.indexOf(one.verdict) - SEVERITY.indexOf(other.verdict) || one.name.localeCompare(other.name),
  );
}

export const RESOURCE_NOUNS: { readonly [kind in Kind]: string } = { s3: "bucket", sqs: "queue" };

interface UnlockRequest {
  account: string;
  kind: Kind;
  resource?: string;
  region?: string;
  change?: Change;
  shown_sha256?: string | null;
  policy?: string;
}

/** Queues are listed Region by Region, buckets in all Regions at once. */
export function startUnlock({ region, ...request }: UnlockRequest): Promise<Job> {
  const body = { ...request, regions: region && request.kind === "sqs" ? [region] : [], included_failsafes: [] };
  return unwrap(api.POST("/api/v1/unlocks", { body }));
}

export function startPolicyChange(shown: ShownPolicy, change: Change, policy?: string): Promise<Job> {
  const { account_id: account, service: kind, name: resource, region, sha256: shown_sha256 } = shown;
  return startUnlock({ account, kind, resource, region, change, shown_sha256, policy });
}
