/** Labels, permissions and paths of each kind of job. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { Job, JobKind, JobState, Permission } from "../api/records";

const JOB_KIND_LABELS: { [kind: string]: string } = {
  audit: "Audit",
  breakglass_check: "Break-glass check",
  deletion: "Deletion",
  drift_check: "Set-up check",
  failsafe_check: "Failsafe check",
  ledger_verification: "Ledger verification",
  plan: "Deletion plan",
  preflight: "Preflight",
  report_delivery: "Report delivery",
  unlock: "Unlock",
};

export function describeKind(kind: string): string {
  return JOB_KIND_LABELS[kind] ?? kind;
}

export const JOB_STATES: { readonly [state in JobState]: { type: StatusIndicatorProps.Type; label: string } } = {
  queued: { type: "pending", label: "Queued" },
  running: { type: "in-progress", label: "Running" },
  done: { type: "success", label: "Done" },
  failed: { type: "error", label: "Failed" },
  interrupted: { type: "warning", label: "Interrupted" },
  cancelled: { type: "stopped", label: "Cancelled" },
};

/** The permission to start, and to resume, a job of each kind. */
const PERMISSIONS: { readonly [kind in JobKind]: Permission } = {
  audit: "accounts:audit",
  breakglass_check: "failsafe:check",
  deletion: "root_credentials:delete",
  drift_check: "accounts:audit",
  failsafe_check: "failsafe:check",
  ledger_verification: "ledger:verify",
  plan: "root_credentials:delete",
  preflight: "preflights:run",
  report_delivery: "reports:send",
  unlock: "resource_policies:unlock",
};

export function permissionOf(kind: JobKind): Permission {
  return PERMISSIONS[kind];
}

/** The page that shows the result of a job, if it isn't the page of the job itself. */
export function findResultPage(job: Job): { href: string; text: string } | null {
  const id = encodeURIComponent(job.job_id);
  if (job.kind === "preflight") return { href: `/guardrails?job=${id}`, text: "Show matrix" };
  if (job.kind === "failsafe_check") return { href: `/emergency-access?failsafe_check=${id}`, text: "Show checks" };
  if (job.kind === "breakglass_check") return { href: `/emergency-access?breakglass_check=${id}`, text: "Show access" };
  if (job.kind === "ledger_verification") return { href: `/ledger?verification=${id}`, text: "Show result" };
  if (job.kind === "audit") return { href: "/accounts", text: "Show accounts" };
  if (job.kind === "plan") return { href: `/accounts/delete?plan=${id}`, text: "Review plan" };
  if (job.kind === "deletion") return { href: `/accounts/delete?run=${id}`, text: "Show results" };
  return null;
}
