/** Root e-mail addresses: their pages, all of them for an export, and the words for verdicts and reasons. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { PAGE_ROWS, api, readAll, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { EmailReason, RootEmail } from "../api/records";

export type Verdict = RootEmail["verdict"];

export interface EmailFilter {
  verdict: Verdict | "any";
  text: string;
}

/** The worst first. */
export const EMAIL_VERDICTS: readonly Verdict[] = ["fail", "unknown", "pass", "not_applicable"];

const REASONS: { readonly [reason in EmailReason]: string } = {
  attestation_expired: "the attestation that a group reads it has ended",
  domain_not_allowed: "its domain isn't one of the organization's",
  domains_not_set: "the organization's domains aren't set, so the owner of its domain isn't known",
  duplicate: "another account has it too",
  malformed: "it isn't an e-mail address",
  not_a_group: "no group is known to read it",
  not_active: "the account isn't ACTIVE",
  pattern_not_matched: "it doesn't match the approved pattern",
  unread: "AWS returned no address",
};

/** The same, short enough for the row of a table. */
const SHORT_REASONS: { readonly [reason in EmailReason]: string } = {
  attestation_expired: "attestation ended",
  domain_not_allowed: "other domain",
  domains_not_set: "domains not set",
  duplicate: "used twice",
  malformed: "no e-mail address",
  not_a_group: "no group known",
  not_active: "account not active",
  pattern_not_matched: "other pattern",
  unread: "not read",
};

export function nameReasons({ reasons }: RootEmail): string {
  const text = reasons.map((one) => SHORT_REASONS[one]).join("; ");
  return text ? `${text[0]?.toUpperCase()}${text.slice(1)}` : "–";
}

export function describeReasons({ reasons, shared_with }: RootEmail): string {
  const texts = reasons.map((one) => (one === "duplicate" ? `${REASONS[one]} (${shared_with.join(", ")})` : REASONS[one]));
  return texts.join("; ") || "–";
}

/** Whether an attestation that a group reads the address would change its verdict or reasons. */
export function canBeAttested(one: RootEmail): boolean {
  return one.email !== null && (one.reasons.includes("not_a_group") || one.reasons.includes("attestation_expired"));
}

/** Whether a server can change the address: AWS refuses it for the management account, and the rules for a failsafe. */
export function canBeChanged(one: RootEmail): boolean {
  return one.role === "member" && one.state === "ACTIVE";
}

function toQuery({ verdict, text }: EmailFilter) {
  return { verdict: verdict === "any" ? undefined : [verdict], q: text.trim() || undefined };
}

export function useRootEmails(filter: EmailFilter, after: string | undefined) {
  const query = { ...toQuery(filter), limit: PAGE_ROWS, after };
  return useQuery({
    queryKey: ["root-emails", query],
    queryFn: () => unwrap(api.GET("/api/v1/root-emails", { params: { query } })),
    placeholderData: keepPreviousData,
  });
}

const PAGE = 500;

export function readAllEmails(filter: EmailFilter): Promise<RootEmail[]> {
  return readAll(
    (after) => unwrap(api.GET("/api/v1/root-emails", { params: { query: { ...toQuery(filter), limit: PAGE, after } } })),
    (page) => page.accounts,
  );
}

export function refreshEmails(): void {
  void queries.invalidateQueries({ queryKey: ["root-emails"] });
}
