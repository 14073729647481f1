/** What a deletion plan contains, and how the result of an account is summarized. */
import type { components } from "../api/generated";
import type { AccountResult, CredentialDetails, CredentialKind, DeletionPlan, PlannedAccount } from "../api/records";

export type PlanBody = components["schemas"]["PlanBody"];

export type AccountOutcome = "deleted" | "already_absent" | "failed" | "waiting";

export function listTargets(plan: DeletionPlan): PlannedAccount[] {
  return plan.accounts.filter((one) => one.calls.length > 0);
}

export function listSkipped(plan: DeletionPlan): PlannedAccount[] {
  return plan.accounts.filter((one) => one.calls.length === 0);
}

/** Whether an account waits for a decision, because its credentials were used recently. */
export function isHeldBack(account: PlannedAccount): boolean {
  return account.reason === "recently_used";
}

/** The credentials of an account that the plan deletes, in the order of the calls. */
export function listPlannedCredentials(account: PlannedAccount): Credential[] {
  const found = account.credentials ? listCredentials(account.credentials) : [];
  return account.calls.map(
    ({ kind, target }) =>
      found.find((one) => one.kind === kind && one.id === target) ?? {
        kind,
        label: kind,
        id: target,
        since: account.observed_at ?? "",
        lastUsedAt: undefined,
        note: null,
      },
  );
}

const KIND_NOUNS: readonly [CredentialKind, string, string][] = [
  ["access_keys", "access key", "access keys"],
  ["signing_certificates", "signing certificate", "signing certificates"],
  ["password", "password", "passwords"],
  ["mfa_devices", "MFA device", "MFA devices"],
];

/** Such as "6 access keys, 9 passwords and 4 MFA devices". */
export function countCalls(targets: readonly PlannedAccount[]): string {
  const calls = targets.flatMap((one) => one.calls);
  const parts = KIND_NOUNS.flatMap(([kind, one, many]) => {
    const count = calls.filter((call) => call.kind === kind).length;
    return count === 0 ? [] : [`${count.toLocaleString()} ${count === 1 ? one : many}`];
  });
  const last = parts.pop() ?? "nothing";
  return parts.length ? `${parts.join(", ")} and ${last}` : last;
}

export function countCertificates(targets: readonly PlannedAccount[]): number {
  return targets.flatMap((one) => one.calls).filter((call) => call.kind === "signing_certificates").length;
}

/** Only credentials that a re-read showed as absent count as deleted; planned credentials without that proof have failed. */
export function summarizeResult(result: AccountResult | undefined): AccountOutcome {
  if (!result) return "waiting";
  if (result.skip || result.kinds.some((one) => one.outcome === "failed" || one.reason === "guards_something")) return "failed";
  return result.kinds.some((one) => one.outcome === "deleted") ? "deleted" : "already_absent";
}

export interface Credential {
  kind: CredentialKind;
  label: string;
  /** `null` for the password: an account has only one. */
  id: string | null;
  since: string;
  /** `null` if it was never used; `undefined` if AWS doesn't report it. */
  lastUsedAt: string | null | undefined;
  /** Its state, and where it was last used. */
  note: string | null;
}

/** All credentials in the order of deletion, MFA devices last. */
export function listCredentials(found: CredentialDetails): Credential[] {
  return [
    ...found.access_keys.map((key) => ({
      kind: "access_keys" as const,
      label: "Access key",
      id: key.access_key_id,
      since: key.created_at,
      lastUsedAt: key.last_used_at,
      note: [key.is_active ? "active" : "inactive", key.last_used_service, key.last_used_region].filter(Boolean).join(", "),
    })),
    ...found.signing_certificates.map((certificate) => ({
      kind: "signing_certificates" as const,
      label: "Signing certificate",
      id: certificate.signing_certificate_id,
      since: certificate.uploaded_at,
      lastUsedAt: undefined,
      note: certificate.is_active ? "active" : "inactive",
    })),
    ...(found.password
      ? [
          {
            kind: "password" as const,
            label: "Password",
            id: null,
            since: found.password.created_at,
            lastUsedAt: found.password.last_used_at,
            note: null,
          },
        ]
      : []),
    ...found.mfa_devices.map((device) => ({
      kind: "mfa_devices" as const,
      label: "MFA device",
      id: device.mfa_serial_number,
      since: device.enabled_at,
      lastUsedAt: undefined,
      note: device.kind,
    })),
  ];
}
