/** What was asked for, by whom, and how it went. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import type { Account, RecoveryWindow } from "../api/records";
import { Moment } from "../times/Moment";
import { renderDuration } from "./states";

export function WindowFacts({ one, account }: { one: RecoveryWindow; account: Account | null }) {
  return (
    <Container header={<Header variant="h2">Details</Header>}>
      <KeyValuePairs columns={4} items={[...listRequest(one, account), ...listCourse(one)]} />
    </Container>
  );
}

function listRequest(one: RecoveryWindow, account: Account | null) {
  return [
    { label: "Account", value: account ? `${account.name} (${one.account_id})` : one.account_id },
    { label: "Organizational unit", value: account?.ou_path ?? "–" },
    { label: "Root user's e-mail", value: account?.email ?? "–" },
    { label: "Window", value: one.window_id },
    { label: "Reason", value: one.reason },
    { label: "Ticket", value: one.ticket ?? "–" },
    { label: "Requested by", value: one.requested_by },
    { label: "Requested", value: <Moment at={one.requested_at} /> },
    { label: "Length", value: renderDuration(one.duration_seconds) },
    { label: "Approvals needed", value: one.approvals_needed === 0 ? "None" : String(one.approvals_needed) },
  ];
}

function listCourse(one: RecoveryWindow) {
  if (!one.opened_at && !one.closed_at && !one.activated_by) return [];
  return [
    { label: "Activated by", value: one.activated_by ?? "–" },
    { label: "Opened", value: <Moment at={one.opened_at} /> },
    { label: "End", value: <Moment at={one.expires_at} /> },
    { label: "Closed", value: <Moment at={one.closed_at} none="Not closed" /> },
    { label: "Closed by", value: one.closed_by ?? (one.closed_at ? "The server, at its end" : "–") },
    { label: "Watched by", value: one.watched_by ?? "Nobody: not watched" },
    ...(one.is_emergency ? [{ label: "Reviewed by", value: one.reviewed_by ?? "Nobody yet" }] : []),
  ];
}
