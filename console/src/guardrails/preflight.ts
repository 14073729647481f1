/** The rows of a preflight, grouped by account and by cause. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { PreflightRow } from "../api/records";

/** What is shown of a row. A denial of long-term root is intended: AWS recommends it, so it has a word and a colour of its own. */
export type Verdict = PreflightRow["verdict"] | "denied";

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

/** The worst first. */
export const VERDICTS: { readonly [verdict in Verdict]: { type: StatusIndicatorProps.Type; label: string } } = {
  blocked: { type: "error", label: "Blocked" },
  unknown: { type: "pending", label: "Unknown" },
  depends: { type: "warning", label: "Depends" },
  denied: { type: "stopped", label: "Denied" },
  allowed: { type: "success", label: "Allowed" },
};

const WORST_FIRST = Object.keys(VERDICTS) as Verdict[];

export function readVerdict(row: PreflightRow): Verdict {
  return row.intended ? "denied" : row.verdict;
}

/** The accounts, those with the worst verdict first. */
export function groupByAccount(rows: readonly PreflightRow[]): AccountTasks[] {
  const found = new Map<string, AccountTasks>();
  for (const row of rows) {
    const one = found.get(row.account_id) ?? { account_id: row.account_id, tasks: new Map<string, PreflightRow>() };
    one.tasks.set(row.task, row);
    found.set(row.account_id, one);
  }
  const ranks = new Map([...found.values()].map((one) => [one, WORST_FIRST.findIndex((verdict) => hasVerdict(one, verdict))]));
  return [...ranks.keys()].sort((one, other) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0));
}

export function hasVerdict(one: AccountTasks, verdict: Verdict): boolean {
  return [...one.tasks.values()].some((row) => readVerdict(row) === verdict);
}

/** The titles of an account's tasks by verdict, the worst first. */
export function groupByVerdict(one: AccountTasks): { verdict: Verdict; titles: string[] }[] {
  return WORST_FIRST.map((verdict) => ({
    verdict,
    titles: TASKS.filter(({ task }) => {
      const row = one.tasks.get(task);
      return row !== undefined && readVerdict(row) === verdict;
    }).map(({ title }) => title),
  })).filter(({ titles }) => titles.length > 0);
}

/** Tasks of an account that aren't allowed, grouped by verdict and cause, the worst first. */
export function groupBySameCause(one: AccountTasks): { titles: string[]; row: PreflightRow }[] {
  const found = new Map<string, { titles: string[]; row: PreflightRow }>();
  for (const { task, title } of TASKS) {
    const row = one.tasks.get(task);
    if (!row || row.verdict === "allowed") continue;
    const key = JSON.stringify([readVerdict(row), row.policies, row.conditions, row.fix]);
    const same = found.get(key) ?? { titles: [], row };
    same.titles.push(title);
    found.set(key, same);
  }
  const rank = ({ row }: { row: PreflightRow }) => WORST_FIRST.indexOf(readVerdict(row));
  return [...found.values()].sort((cause, other) => rank(cause) - rank(other));
}
