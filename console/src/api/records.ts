/**
 * The JSON records of the API, as docs/reference/*.schema.json describes them. Moments are RFC 3339 in UTC.
 * The routes' paths, parameters and bodies aren't here: they are generated from the OpenAPI document.
 */

/** One page of a list: the records stand under the list's own name. */
export type Page<Name extends string, T> = { [name in Name]: T[] } & { next: string | null; total?: number };

export type Role = "viewer" | "auditor" | "operator" | "approver" | "administrator";

export type FactorKind = "totp" | "passkey";

export interface Me {
  name: string;
  role: Role;
  kind: "user" | "token";
  permissions: string[];
  organization_id: string;
  endpoint: string;
  version: string;
  is_sandbox?: boolean;
  /** Of a sandbox: where its own sign-in pages and mailbox are. */
  people_url?: string | null;
  factor?: { required: boolean; enrolled: FactorKind[]; fresh_until: string | null };
}

export interface Identity {
  identity_id: string;
  kind: "user" | "token";
  name: string;
  role: Role;
  is_usable: boolean;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  disabled_at: string | null;
  last_used_at: string | null;
  /** Of a user. */
  signs_in_by?: "password" | "oidc" | null;
  /** Of a token that has less than its role. */
  limited_to?: { permissions: string[] | null; organizational_units: string[] } | null;
}

export type Status = "present" | "not_present" | "recovery_open" | "unknown" | "not_applicable";

export type StatusCounts = { accounts: number } & { [status in Status]: number };

export interface KeptAudit {
  audit_id: string;
  started_at: string;
  ended_at: string | null;
  complete: boolean;
  requested_by: string | null;
  summary: Partial<StatusCounts>;
}

export interface Account {
  account_id: string;
  name: string;
  email: string;
  ou_path: string;
  ou_ids: string[];
  state: string;
  role: "member" | "management" | "failsafe";
  status: Status;
  reason: string | null;
  detail: string | null;
  credentials: {
    password: boolean | null;
    access_keys: boolean | number | null;
    signing_certificates: boolean | number | null;
    mfa_devices: boolean | number | null;
  };
  tags: { [key: string]: string } | null;
  joined_at: string | null;
  observed_at: string | null;
}

export type WindowState =
  | "REQUESTED"
  | "APPROVED"
  | "OPENING"
  | "OPEN"
  | "CLOSING"
  | "CLOSE_FAILED"
  | "CLOSED_VERIFIED"
  | "KEPT"
  | "DENIED"
  | "CANCELLED"
  | "LAPSED";

export interface Approval {
  approver: string;
  purpose: string;
  at: string;
  account_id: string;
  duration_seconds: number;
  expires_at: string;
  used_at: string | null;
}

export interface RecoveryWindow {
  window_id: string;
  organization_id: string;
  account_id: string;
  state: WindowState;
  reason: string;
  ticket: string | null;
  requested_by: string;
  requested_at: string;
  approved_by: string[];
  duration_seconds: number;
  approvals_needed: number;
  approvals: Approval[];
  is_approved: boolean;
  lapses_at: string | null;
  is_drill: boolean;
  is_emergency: boolean;
  review_due_at: string | null;
  reviewed_by: string | null;
  activated_by: string | null;
  opened_at: string | null;
  expires_at: string | null;
  closed_at: string | null;
  closed_by: string | null;
  watched_by: string | null;
  failure: string | null;
  failed_closings: number;
  next_closing_at: string | null;
  is_overdue?: boolean;
  has_lapsed?: boolean;
}

export type JobState = "queued" | "running" | "done" | "failed" | "interrupted" | "cancelled";

export interface Job {
  job_id: string;
  kind: string;
  state: JobState;
  organization_id: string;
  created_by: string;
  created_at: string;
  updated_at: string;
  ended_at: string | null;
  progress: { total: number | null; done: number; present: number; unknown: number };
  parameters: { [name: string]: unknown };
  remark: string | null;
  attempts: number;
  next_attempt_at: string | null;
}

export interface SessionRecord {
  name: string;
  role: Role;
  csrf_token: string;
  needs: "factor" | "enrolment" | null;
}

export interface SignInMethods {
  password: boolean;
  oidc: { name: string } | null;
  /** As `me` tells it, so that the sign-in page says SANDBOX too. */
  is_sandbox?: boolean;
  endpoint?: string;
}

export interface TotpSecret {
  secret: string;
  uri: string;
  qr_svg: string;
}

export interface Factor {
  factor_id: string;
  kind: "totp" | "passkey";
  name: string | null;
  created_at: string;
  last_used_at: string | null;
}

export interface SignIn {
  session_id: string;
  name: string;
  address: string | null;
  user_agent: string | null;
  signed_in_at: string;
  last_used_at: string | null;
  is_current: boolean;
}

export interface Overview {
  organization_id: string;
  management_account_id: string | null;
  endpoint: string;
  is_sandbox: boolean;
  setup: SetupState | null;
  /** Why `setup` isn't known. */
  setup_problem?: { detail: string; hint: string | null } | null;
  missing: { what: string; why: string; action: string }[];
  root_logins_left: number;
  summary: StatusCounts;
  windows: { by_state: { [state: string]: number }; open: RecoveryWindow[] };
  drift: { changed: number; joined: number; left: number; not_compared: number; older?: KeptAudit; newer?: KeptAudit } | null;
  last_audit: KeptAudit | null;
  failsafe: { account_id: string; name: string; is_in_order: boolean | null; detail: string | null }[];
}

export interface SetupState {
  trusted_access: boolean | null;
  features: string[] | null;
  delegated_administrators: { account_id: string; name: string | null }[] | null;
}

export interface SetupSteps {
  steps: { action: string; what: string; outcome: string; detail: string }[];
  unneeded?: string[];
  remarks: string[];
}

export interface Policy {
  windows: { [setting: string]: PolicyValue };
  deletion: { [setting: string]: PolicyValue };
  retention: { [setting: string]: PolicyValue };
  notification_targets: string[];
}

export type PolicyValue = string | number | boolean | null | string[];

/** What a browser's passkey answers, as WebAuthn's toJSON() gives it. */
export type PasskeyAnswer = { [name: string]: unknown };
export type FactorBody = { totp: string } | { passkey: PasskeyAnswer };
