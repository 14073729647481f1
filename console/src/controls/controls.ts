/** Controls of frameworks: their queries, and the words for verdicts, checks and mappings. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { PAGE_ROWS, api, unwrap } from "../api/client";
import type { Assessment, CheckName, Framework, Showing, Strength } from "../api/records";
import { VERDICTS } from "../components/verdicts";
import type { Period } from "../times/periods";

export function useFrameworks() {
  return useQuery({
    queryKey: ["frameworks"],
    queryFn: () => unwrap(api.GET("/api/v1/frameworks")),
    staleTime: Infinity,
    select: (answer) => answer.frameworks,
  });
}

/** Each answer verifies the whole ledger, so it isn't read again by itself. */
export const KEPT_MILLISECONDS = 60_000;

/** @param period `null` if it isn't known yet, or isn't valid. */
export function useControls(frameworkId: string, period: Period | null) {
  return useQuery({
    queryKey: ["controls", frameworkId, period],
    queryFn: () => unwrap(api.GET("/api/v1/controls", { params: { query: { framework: [frameworkId], ...period } } })),
    enabled: frameworkId !== "" && period !== null,
    staleTime: KEPT_MILLISECONDS,
  });
}

export function useControl(path: ControlPath, period: Period | null, isOpenOnly: boolean, after: string | undefined) {
  const query = { ...period, open: isOpenOnly, limit: PAGE_ROWS, ...(after === undefined ? {} : { after: Number(after) }) };
  return useQuery({
    queryKey: ["controls", path.framework_id, path.control_id, query],
    queryFn: () => unwrap(api.GET("/api/v1/controls/{framework_id}/{control_id}", { params: { path, query } })),
    enabled: period !== null,
    staleTime: KEPT_MILLISECONDS,
    placeholderData: keepPreviousData,
  });
}

export interface ControlPath {
  framework_id: string;
  control_id: string;
}

/**
 * In the query: the server takes an address that ends with a dot and letters for that of a file.
 *
 * @param period the parameters of the period.
 */
export function controlHref({ framework_id, control_id }: ControlPath, period: { [name: string]: string }): string {
  return `/controls/control?${new URLSearchParams({ framework: framework_id, control: control_id, ...period })}`;
}

export function nameFramework(framework: Framework): string {
  return `${framework.name} ${framework.version}`;
}

/** A pass that rests on statements of people says so. */
export function nameVerdict({ verdict, attested }: Pick<Assessment, "verdict" | "attested">): string {
  return attested ? `${VERDICTS[verdict].label} (attested)` : VERDICTS[verdict].label;
}

export const CHECKS: { readonly [check in CheckName]: string } = {
  audit_integrity: "Ledger intact",
  breakglass: "Recoveries approved and closed",
  centralized: "Root access centralized",
  delegated: "Delegated administrator for IAM",
  drill: "Drill of emergency access",
  inventory: "Root users read",
  no_root_certificate: "No root signing certificates",
  no_root_creds: "No root user credentials",
  no_root_key: "No root access keys",
  priv_logged: "Privileged calls recorded",
  root_alert: "Alarm on root use",
  root_hw_mfa: "Hardware MFA of the root user",
  root_mfa: "MFA of the root user",
  root_unused: "Last use of the root user",
  scp_guard: "Policies of the organization",
  time_limit: "Recoveries ended in time",
};

export const SHOWINGS: { readonly [showing in Showing]: string } = {
  context: "Facts for a person",
  direct: "The whole control",
  partial: "A part of the control",
};

/** Whose mapping it is, without the file and revision of another tool, which the reference of controls lists. */
export function describeSource(source: string): string {
  return source.replace(/\bprowler@[^;)]*/, "Prowler").replace(/\bsteampipe-mod-aws-compliance@[^;)]*/, "Steampipe");
}

export const STRENGTHS: { readonly [strength in Strength]: string } = {
  direct: "The framework's text",
  ours: "Rootkeeper's reading",
  vendor: "Another tool's mapping",
};
