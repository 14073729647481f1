/** Whether an account can be given a recovery window. The server checks the same, and more, when one is asked for. */
import type { AccountRow } from "./listing";

/** Why not; `null` if it can. */
export function recoveryObstacle(account: AccountRow): string | null {
  if (account.role === "management") return "The management account's root user can't be reached by root access management.";
  if (account.state !== "ACTIVE") return `The account is ${account.state}.`;
  if (account.status === "recovery_open") return "A recovery window of this account is open already.";
  return null;
}
