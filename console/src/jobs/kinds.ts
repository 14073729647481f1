/** The words of jobs: what each kind does, and what its state means. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { Job, JobKind, JobState, Permission } from "../api/records";

const KINDS: { [kind: string]: string } = {
  audit: "Audit",
  deletion: "Deletion",
  drift_check: "Check of the set-up",
  ledger_verification: "Verification of the ledger",
  plan: "Plan of a deletion",
  preflight: "Preflight",
  unlock: "Unlock",
};

export function nameKind(kind: string): string {
  return KINDS[kind] ?? kind;
}

export const JOB_STATES: { readonly [state in JobState]: { type: StatusIndicatorProps.Type; words: string } } = {
  queued: { type: "pending", words: "Queued" },
  running: { type: "in-progress", words: "Running" },
  done: { type: "success", words: "Done" },
  failed: { type: "error", words: "Failed or not proven" },
  interrupted: { type: "warning", words: "Interrupted" },
  cancelled: { type: "stopped", words: "Cancelled" },
};

/** What asking for a job of each kind takes, and so letting it go on. */
const PERMISSIONS: { readonly [kind in JobKind]: Permission } = {
  audit: "accounts:audit",
  deletion: "root_credentials:delete",
  drift_check: "accounts:audit",
  ledger_verification: "ledger:verify",
  plan: "root_credentials:delete",
  preflight: "preflights:run",
  unlock: "resource_policies:unlock",
};

export function permissionOf(kind: JobKind): Permission {
  return PERMISSIONS[kind];
}

export function jobAddress(jobId: string): string {
  return `/jobs/${encodeURIComponent(jobId)}`;
}

/** The page that shows what came of a job better than its own does, if there is one. */
export function resultAddress(job: Job): { href: string; text: string } | null {
  const id = encodeURIComponent(job.job_id);
  if (job.kind === "preflight") return { href: `/guardrails?job=${id}`, text: "Show the matrix" };
  if (job.kind === "ledger_verification") return { href: `/ledger?verification=${id}`, text: "Show the verdict" };
  if (job.kind === "audit") return { href: "/accounts", text: "Show the accounts" };
  if (job.kind === "plan") return { href: `/accounts/delete?plan=${id}`, text: "Review the plan" };
  if (job.kind === "deletion") return { href: `/accounts/delete?run=${id}`, text: "Show each account" };
  return null;
}
