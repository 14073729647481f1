/** What an account's flag says: its status with the reason, never better than what was read. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { CredentialKind } from "../api/records";
import { STATUSES } from "../overview/statuses";
import type { AccountRow } from "./listing";

export interface Flag {
  type: StatusIndicatorProps.Type;
  words: string;
}

const REASONS: { [reason: string]: string } = {
  access_denied: "access denied",
  blocked_by_policy: "blocked by a policy",
  error: "an error",
  management_account: "management account",
  never_read: "never read",
  not_active: "not active",
  partition: "no root users in this partition",
  stale: "read too long ago",
  throttled: "AWS limited the rate",
};

export const KIND_WORDS: { [kind in CredentialKind]: string } = {
  password: "password",
  access_keys: "access keys",
  signing_certificates: "certificates",
  mfa_devices: "MFA",
};

export function flagOf(account: Pick<AccountRow, "role" | "status" | "reason" | "isInOrder" | "kinds">): Flag {
  if (account.role !== "member" && (account.status === "present" || account.status === "not_applicable"))
    return flagOfKept(account);
  if (account.role === "failsafe" && account.status === "not_present")
    return { type: "warning", words: "No root login: no way in yet" };
  const told = STATUSES.find((one) => one.status === account.status);
  const reason = account.reason ? `: ${REASONS[account.reason] ?? account.reason}` : "";
  return { type: told?.type ?? "error", words: `${told?.words ?? account.status}${reason}` };
}

/** The management account's and the failsafe's root login are kept on purpose, and have to be guarded. */
function flagOfKept(account: Pick<AccountRow, "role" | "isInOrder" | "kinds" | "status">): Flag {
  if (account.kinds === null)
    return { type: "error", words: account.role === "management" ? "Unknown: not read from here" : "Unknown: not read" };
  return account.isInOrder
    ? { type: "success", words: "Kept on purpose, guarded by MFA" }
    : { type: "warning", words: "Kept on purpose, not in order" };
}

/** Such as "Password, access keys". */
export function nameKinds(kinds: readonly CredentialKind[] | null): string {
  if (kinds === null) return "–";
  if (kinds.length === 0) return "None";
  const words = kinds.map((kind) => KIND_WORDS[kind]).join(", ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const ROLE_WORDS: { [role in AccountRow["role"]]: string | null } = {
  member: null,
  management: "Management account",
  failsafe: "Failsafe",
};
