/** The rows of a preflight, grouped by account and by cause. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { PreflightRow } from "../api/records";

export type Verdict = PreflightRow["verdict"];

/** One account with the verdict of each task. */
export interface AccountTasks {
  account_id: string;
  tasks: Map<string, PreflightRow>;
}

/** In the order of the columns. */
export const TASKS: readonly { task: string; title: string; meaning: string }[] = [
  { task: "IAMAuditRootUserCredentials", title: "Audit", meaning: "Reading root user credentials" },
  { task: "IAMCreateRootUserPassword", title: "Recover", meaning: "Allowing password recovery" },
  { task: "IAMDeleteRootUserCredentials", title: "Delete", meaning: "Deleting credentials, and closing a recovery window" },
  { task: "S3UnlockBucketPolicy", title: "Unlock S3", meaning: "Unlocking a bucket" },
  { task: "SQSUnlockQueuePolicy", title: "Unlock SQS", meaning: "Unlocking a queue" },
  { task: "RootUserSignIn", title: "Signed-in root", meaning: "Actions of a root user who signs in with a password" },
  { task: "AssumeRoot", title: "AssumeRoot", meaning: "AssumeRoot by a caller in a delegated administrator account" },
];

export const VERDICTS: { readonly [verdict in Verdict]: { type: StatusIndicatorProps.Type; label: string } } = {
  allowed: { type: "success", label: "Allowed" },
  blocked: { type: "error", label: "Blocked" },
  depends: { type: "warning", label: "Depends" },
  unknown: { type: "pending", label: "Unknown" },
};

export function groupByAccount(rows: readonly PreflightRow[]): AccountTasks[] {
  const found = new Map<string, AccountTasks>();
  for (const row of rows) {
    const one = found.get(row.account_id) ?? { account_id: row.account_id, tasks: new Map<string, PreflightRow>() };
    one.tasks.set(row.task, row);
    found.set(row.account_id, one);
  }
  return [...found.values()];
}

export function hasVerdict(one: AccountTasks, verdict: Verdict): boolean {
  return [...one.tasks.values()].some((row) => row.verdict === verdict);
}

/** Tasks of an account with the same verdict and cause, grouped. */
export function groupBySameCause(one: AccountTasks): { titles: string[]; row: PreflightRow }[] {
  const found = new Map<string, { titles: string[]; row: PreflightRow }>();
  for (const { task, title } of TASKS) {
    const row = one.tasks.get(task);
    if (!row || row.verdict === "allowed") continue;
    const key = JSON.stringify([row.verdict, row.policies, row.conditions, row.fix]);
    const same = found.get(key) ?? { titles: [], row };
    same.titles.push(title);
    found.set(key, same);
  }
  return [...found.values()];
}
