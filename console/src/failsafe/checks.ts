/** The words for checks of emergency access, and the drills and attestations of each account. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { BreakglassChecks, Drill, FailsafeChecks, KnownFailsafe } from "../api/records";
import { VERDICT_ORDER } from "../components/verdicts";

export type Check = FailsafeChecks["checks"][number] | BreakglassChecks["checks"][number];

export const CHECKS: { readonly [check in Check["check"]]: string } = {
  access_keys: "Access keys",
  alarm: "Alarm on use",
  approvers: "Approvers",
  delegated_administrator: "Delegated administrator",
  delegated_administrators: "Delegated administrators",
  drill: "Drill",
  failsafe: "Failsafe",
  hardware_mfa: "Hardware MFA",
  iam_identities: "IAM users and roles",
  mailbox: "Mailbox",
  management_access_keys: "Access keys of the management account's root user",
  management_last_use: "Last use of the management account's root user",
  management_mfa: "MFA of the management account's root user",
  management_signing_certificates: "Signing certificates of the management account's root user",
  mfa_devices: "MFA devices",
  password: "Password",
  permission_sets: "Permission sets",
  policies: "Policies of the organization",
  recovery_window: "Recovery window",
  root_mailboxes: "Root mailboxes",
  signing_certificates: "Signing certificates",
  way_in: "Way in without Identity Center",
};

export const ROLES: { readonly [role in KnownFailsafe["role"]]: string } = {
  failsafe: "Failsafe",
  management: "Management account",
};

/** What a drill didn't record. */
export const NOT_RECORDED = "Not recorded";
export const ALARMS: { readonly [alarm in NonNullable<Drill["alarm"]>]: string } = { seen: "Seen", missed: "Missed" };
export const DEVICES: { readonly [device in NonNullable<Drill["device"]>]: string } = { hardware: "Hardware", software: "Software" };

/** The worst first. */
export function sortChecks(checks: readonly Check[]): Check[] {
  return [...checks].sort((one, other) => VERDICT_ORDER.indexOf(one.verdict) - VERDICT_ORDER.indexOf(other.verdict));
}

export function useFailsafes() {
  return useQuery({ queryKey: ["failsafes"], queryFn: () => unwrap(api.GET("/api/v1/failsafes")) });
}

export function useEmergencyAccess() {
  return useQuery({ queryKey: ["emergency-access"], queryFn: () => unwrap(api.GET("/api/v1/emergency-access")) });
}

export function refreshFailsafes(): void {
  for (const key of ["failsafes", "emergency-access"]) void queries.invalidateQueries({ queryKey: [key] });
}
