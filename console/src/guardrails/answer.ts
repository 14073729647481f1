/** A preflight's answer, put together by account. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { PreflightRow } from "../api/records";

export type Verdict = PreflightRow["verdict"];

/** One account with what each task would come to. */
export interface AccountTasks {
  account_id: string;
  tasks: Map<string, PreflightRow>;
}

/** In the order of the columns. */
export const TASKS: readonly { task: string; title: string; means: string }[] = [
  { task: "IAMAuditRootUserCredentials", title: "Audit", means: "Seeing what the account has" },
  { task: "IAMCreateRootUserPassword", title: "Recover", means: "Allowing password recovery" },
  { task: "IAMDeleteRootUserCredentials", title: "Delete", means: "Deleting credentials, and closing a recovery window" },
  { task: "S3UnlockBucketPolicy", title: "Unlock S3", means: "Unlocking a bucket" },
  { task: "SQSUnlockQueuePolicy", title: "Unlock SQS", means: "Unlocking a queue" },
  { task: "RootUserSignIn", title: "Signed-in root", means: "What a root user could do who signed in by itself" },
  { task: "AssumeRoot", title: "AssumeRoot", means: "AssumeRoot by a caller in a delegated administrator account" },
];

export const VERDICTS: { readonly [verdict in Verdict]: { type: StatusIndicatorProps.Type; words: string } } = {
  allowed: { type: "success", words: "Allowed" },
  blocked: { type: "error", words: "Blocked" },
  depends: { type: "warning", words: "Depends" },
  unknown: { type: "pending", words: "Unknown" },
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

/** Tasks of an account that the same policies stop by the same words, told once. */
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
