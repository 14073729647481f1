/** A deletion's plan as its file tells it, and what came of each account. */
import type { components } from "../../api/generated";
import type { AccountResult, CredentialKind, DeletionPlan, PlannedAccount } from "../../api/records";
import { listCredentials, type Credential } from "../credentials";

export type PlanBody = components["schemas"]["PlanBody"];

export type AccountOutcome = "deleted" | "already_absent" | "failed" | "waiting";

export function listTargets(plan: DeletionPlan): PlannedAccount[] {
  return plan.accounts.filter((one) => one.calls.length > 0);
}

export function listSkipped(plan: DeletionPlan): PlannedAccount[] {
  return plan.accounts.filter((one) => one.calls.length === 0);
}

/** What goes of an account, in the order of the calls. */
export function listGoing(account: PlannedAccount): Credential[] {
  const found = account.credentials ? listCredentials(account.credentials) : [];
  return account.calls.map(
    ({ kind, target }) =>
      found.find((one) => one.kind === kind && one.id === target) ?? {
        kind,
        words: kind,
        id: target,
        since: account.observed_at ?? "",
        lastUsedAt: undefined,
        more: null,
      },
  );
}

const ONE_AND_MANY: readonly [CredentialKind, string, string][] = [
  ["access_keys", "access key", "access keys"],
  ["signing_certificates", "signing certificate", "signing certificates"],
  ["password", "password", "passwords"],
  ["mfa_devices", "MFA device", "MFA devices"],
];

/** Such as "6 access keys, 9 passwords and 4 MFA devices". */
export function countCalls(targets: readonly PlannedAccount[]): string {
  const calls = targets.flatMap((one) => one.calls);
  const parts = ONE_AND_MANY.flatMap(([kind, one, many]) => {
    const count = calls.filter((call) => call.kind === kind).length;
    return count === 0 ? [] : [`${count.toLocaleString()} ${count === 1 ? one : many}`];
  });
  const last = parts.pop() ?? "nothing";
  return parts.length ? `${parts.join(", ")} and ${last}` : last;
}

export function countCertificates(targets: readonly PlannedAccount[]): number {
  return targets.flatMap((one) => one.calls).filter((call) => call.kind === "signing_certificates").length;
}

/** Only what a re-read showed as gone is deleted; whatever the plan wanted and wasn't shown has failed. */
export function outcomeOf(result: AccountResult | undefined): AccountOutcome {
  if (!result) return "waiting";
  if (result.skip || result.kinds.some((one) => one.outcome === "failed" || one.reason === "guards_something")) return "failed";
  return result.kinds.some((one) => one.outcome === "deleted") ? "deleted" : "already_absent";
}
