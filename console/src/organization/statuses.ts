/** Labels and icons of an account's status, the same on every page. A colour is never the only sign. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { CredentialKind, Status } from "../api/records";
import type { AccountRow } from "./listing";

interface StatusLabel {
  status: Status;
  type: StatusIndicatorProps.Type;
  label: string;
}

export const STATUSES: readonly StatusLabel[] = [
  { status: "present", type: "warning", label: "Present" },
  { status: "unknown", type: "error", label: "Unknown" },
  { status: "recovery_open", type: "in-progress", label: "Recovery open" },
  { status: "not_present", type: "success", label: "Not present" },
  { status: "not_applicable", type: "stopped", label: "Not applicable" },
];

interface StatusLine {
  type: StatusIndicatorProps.Type;
  label: string;
}

const STATUS_REASONS: { [reason: string]: string } = {
  access_denied: "access denied",
  blocked_by_policy: "blocked by a policy",
  error: "error",
  management_account: "management account",
  never_read: "never read",
  not_active: "not active",
  partition: "no root users in this partition",
  stale: "outdated",
  throttled: "throttled by AWS",
};

export const KIND_NAMES: { [kind in CredentialKind]: string } = {
  password: "password",
  access_keys: "access keys",
  signing_certificates: "certificates",
  mfa_devices: "MFA",
};

type StatusFacts = Pick<AccountRow, "role" | "status" | "reason" | "isInOrder" | "isUnread" | "kinds">;

export function describeStatus(account: StatusFacts): StatusLine {
  const found = describeReading(account);
  if (!account.isUnread || account.status === "unknown") return found;
  return { type: found.type === "success" ? "warning" : found.type, label: `${found.label}, not read now` };
}

function describeReading(account: StatusFacts): StatusLine {
  if (account.role !== "member" && (account.status === "present" || account.status === "not_applicable"))
    return describeRetainedRootUser(account);
  if (account.role === "failsafe" && account.status === "not_present")
    return { type: "warning", label: "No root login for the failsafe" };
  const known = STATUSES.find((one) => one.status === account.status);
  const reason = account.reason ? `: ${STATUS_REASONS[account.reason] ?? account.reason}` : "";
  return { type: known?.type ?? "error", label: `${known?.label ?? account.status}${reason}` };
}

/** The management account keeps its root login; a failsafe's is kept on purpose once it is confirmed. Both must be protected. */
function describeRetainedRootUser(account: StatusFacts): StatusLine {
  if (account.kinds === null)
    return { type: "error", label: account.role === "management" ? "Unknown: not readable from here" : "Unknown: not read" };
  if (account.isInOrder) return { type: "success", label: "Kept, protected by MFA" };
  const isGuarded =
    account.kinds.includes("mfa_devices") &&
    !account.kinds.includes("access_keys") &&
    !account.kinds.includes("signing_certificates");
  return { type: "warning", label: isGuarded ? "Present, not confirmed as a failsafe" : "Present, not protected" };
}

/** Such as "Password, access keys". */
export function describeKinds(kinds: readonly CredentialKind[] | null): string {
  if (kinds === null) return "–";
  if (kinds.length === 0) return "None";
  const label = kinds.map((kind) => KIND_NAMES[kind]).join(", ");
  return label.charAt(0).toUpperCase() + label.slice(1);
}

export const ROLE_NAMES: { readonly [role in AccountRow["role"]]: string } = {
  member: "Member account",
  management: "Management account",
  failsafe: "Failsafe",
};

/** As AWS names them. */
export const ACCOUNT_STATES: { readonly [state: string]: string } = {
  PENDING_ACTIVATION: "Pending activation",
  ACTIVE: "Active",
  SUSPENDED: "Suspended",
  PENDING_CLOSURE: "Pending closure",
  CLOSED: "Closed",
  UNKNOWN: "Unknown",
};

export function nameState(state: string): string {
  return ACCOUNT_STATES[state] ?? state;
}
