/**
 * Routes that the OpenAPI document doesn't have yet, and what they answer. A route that it has got goes from here: the
 * generated types say the same of it.
 */
import type { KeptAudit, RecoveryWindow, Role, StatusCounts } from "./records";

/* What they answer. */

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
  missing: { what: string; why: string; action: string }[];
  root_logins_left: number;
  summary: StatusCounts;
  windows: { by_state: { [state: string]: number }; open: RecoveryWindow[] };
  drift: { changed: number; joined: number; left: number; older?: KeptAudit; newer?: KeptAudit } | null;
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

/* What they take. `Passkey` is what a browser's passkey answers, as WebAuthn's toJSON() gives it. */

type Passkey = unknown;
export type FactorBody = { totp: string } | { passkey: Passkey };

export interface SetupBody {
  features: string[];
  delegated_administrator: string | null;
}

/* The routes, in the form of the generated types. */

interface Answer<T> {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  requestBody?: never;
  responses: Responses<T>;
}
interface Change<Body, T> {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  requestBody: { content: { "application/json": Body } };
  responses: Responses<T>;
}
interface Removal<Name extends string> {
  parameters: { query?: never; header?: never; path: { [name in Name]: string }; cookie?: never };
  requestBody?: never;
  responses: Responses<unknown>;
}
interface Responses<T> {
  200: { headers: { [name: string]: unknown }; content: { "application/json": T } };
  422: { headers: { [name: string]: unknown }; content: { "application/problem+json": unknown } };
}

export interface MissingPaths {
  "/api/v1/auth/methods": { get: Answer<SignInMethods> };
  "/api/v1/auth/session": { get: Answer<SessionRecord> };
  "/api/v1/auth/factor": { post: Change<FactorBody, SessionRecord> };
  "/api/v1/auth/passkey-options": { post: Answer<unknown> };
  "/api/v1/auth/step-up": { post: Change<FactorBody, Partial<SessionRecord>> };
  "/api/v1/auth/first-administrator": {
    post: Change<{ link_token: string; name: string; password: string }, SessionRecord>;
  };
  "/api/v1/me/factors": { get: Answer<{ factors: Factor[] }> };
  "/api/v1/me/factors/totp": { post: Answer<TotpSecret> };
  "/api/v1/me/factors/totp/confirm": { post: Change<{ code: string }, Partial<SessionRecord>> };
  "/api/v1/me/factors/passkeys/options": { post: Answer<unknown> };
  "/api/v1/me/factors/passkeys": { post: Change<{ passkey: Passkey; name: string | null }, Partial<SessionRecord>> };
  "/api/v1/me/factors/{factor_id}": { delete: Removal<"factor_id"> };
  "/api/v1/sessions": { get: Answer<{ sessions: SignIn[] }> };
  "/api/v1/sessions/{session_id}": { delete: Removal<"session_id"> };
  "/api/v1/overview": { get: Answer<Overview> };
  "/api/v1/setup": { get: Answer<SetupState>; post: Change<SetupBody, SetupSteps> };
  "/api/v1/setup/plan": { post: Change<SetupBody, SetupSteps> };
  "/api/v1/policy": { get: Answer<Policy> };
}

