/** The page of one recovery window: state, actions, next steps, facts, approvals and evidence. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useRef } from "react";
import { useNavigate, useParams } from "react-router";
import { useMe } from "../api/queries";
import type { Account, Approval, Me, RecoveryWindow } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { notify, notifyProblem } from "../components/notices";
import { FACT_PIXELS, PageFrame, QueryPlaceholder } from "../components/PageFrame";
import { AccountName, useAccount } from "../organization/AccountField";
import { FittedTable } from "../tables/FittedTable";
import { EmptyText } from "../tables/QueryTable";
import { renderDuration } from "../times/format";
import { ShortTime, Timestamp } from "../times/Timestamp";
import { STATES, windowPath } from "./states";
import { canApprove, WindowActions } from "./WindowActions";
import { DecisionFacts, Ticket } from "./WindowBackground";
import { WindowEvidence } from "./WindowEvidence";
import { NextSteps, WindowWarnings } from "./WindowGuidance";
import { findNextRequest, useBackground, useWindow, wasDecidedHere } from "./windows";
import { WindowBadges, WindowState } from "./WindowState";

export default function WindowPage() {
  const { window_id = "" } = useParams();
  const { data: me } = useMe();
  const found = useWindow(window_id);
  if (found.data && me) return <WindowContents recoveryWindow={found.data} me={me} />;
  return (
    <PageFrame title="Recovery window">
      <QueryPlaceholder query={found} height="20rem" />
    </PageFrame>
  );
}

function WindowContents({ recoveryWindow, me }: { recoveryWindow: RecoveryWindow; me: Me }) {
  const account = useAccount(recoveryWindow.account_id).data ?? null;
  const keepsLogin = useBackground(recoveryWindow.window_id).data?.keeps_login === true;
  const moveOn = useNextRequest(me, account);
  useChangeNotice(recoveryWindow);
  return (
    <PageFrame
      title={`${recoveryWindow.is_drill ? "Drill" : "Recovery window"} for ${account?.name ?? recoveryWindow.account_id}`}
      description={
        <SpaceBetween size="s" direction="horizontal">
          <WindowState recoveryWindow={recoveryWindow} />
          <WindowBadges recoveryWindow={recoveryWindow} />
        </SpaceBetween>
      }
      actions={<WindowActions recoveryWindow={recoveryWindow} me={me} account={account} keepsLogin={keepsLogin} onDecided={moveOn} />}
    >
      <SpaceBetween size="l">
        <WindowWarnings recoveryWindow={recoveryWindow} />
        <NextSteps recoveryWindow={recoveryWindow} me={me} account={account} />
        <DecisionFacts recoveryWindow={recoveryWindow} />
        <WindowFacts recoveryWindow={recoveryWindow} account={account} />
        <Approvals recoveryWindow={recoveryWindow} />
        <WindowEvidence recoveryWindow={recoveryWindow} />
      </SpaceBetween>
    </PageFrame>
  );
}

/** After a decision, show the next request that waits for this user. If none waits, the page stays. */
function useNextRequest(me: Me, account: Account | null): (decided: RecoveryWindow) => void {
  const navigate = useNavigate();
  return (decided) => {
    const decide = async () => {
      const next = await findNextRequest(decided, (waiting) => canApprove(waiting, me));
      if (next === null) return;
      const path = windowPath(next.window_id);
      notify("success", `${account?.name ?? decided.account_id}: ${STATES[decided.state].label}.`, "The page shows the next request that waits for you.", path);
      await navigate(path);
    };
    decide().catch(notifyProblem);
  };
}

/** Show a notice when another user or the server changes the window while the page is open. */
function useChangeNotice(recoveryWindow: RecoveryWindow): void {
  const shownState = useRef(recoveryWindow.state);
  useEffect(() => {
    if (shownState.current === recoveryWindow.state) return;
    shownState.current = recoveryWindow.state;
    if (!wasDecidedHere(recoveryWindow)) notify("info", `New state of the window: ${STATES[recoveryWindow.state].label}.`, describeChange(recoveryWindow));
  }, [recoveryWindow]);
}

function describeChange(recoveryWindow: RecoveryWindow): string | undefined {
  if (recoveryWindow.state === "OPEN" && recoveryWindow.activated_by) return `Opened by ${recoveryWindow.activated_by}.`;
  if (recoveryWindow.state === "CLOSING" && recoveryWindow.reopened_at) return recoveryWindow.failure ?? undefined;
  if (recoveryWindow.state === "APPROVED") return `Approved by ${recoveryWindow.approved_by.join(", ")}.`;
  if (recoveryWindow.state === "DENIED" || recoveryWindow.state === "CANCELLED" || recoveryWindow.state === "CLOSE_FAILED") return recoveryWindow.failure ?? undefined;
  if (recoveryWindow.state === "CLOSED_VERIFIED") return recoveryWindow.closed_by ? `Closed by ${recoveryWindow.closed_by}.` : "Closed by the server at the end of the window.";
  return undefined;
}

function WindowFacts({ recoveryWindow, account }: { recoveryWindow: RecoveryWindow; account: Account | null }) {
  return (
    <Container header={<Header variant="h2">Details</Header>}>
      <KeyValuePairs columns={4} minColumnWidth={FACT_PIXELS} items={[...listRequest(recoveryWindow, account), ...listProgress(recoveryWindow)]} />
    </Container>
  );
}

function listRequest(recoveryWindow: RecoveryWindow, account: Account | null) {
  return [
    { label: "Account", value: <AccountName accountId={recoveryWindow.account_id} /> },
    { label: "Organizational unit", value: <BreakableText>{account?.ou_path ?? "–"}</BreakableText> },
    { label: "Root e-mail address", value: <BreakableText>{account?.email ?? "–"}</BreakableText> },
    { label: "Window id", value: recoveryWindow.window_id },
    { label: "Reason", value: recoveryWindow.reason },
    { label: "Ticket", value: <Ticket ticket={recoveryWindow.ticket} /> },
    { label: "Requested by", value: recoveryWindow.requested_by },
    { label: "Requested", value: <ShortTime at={recoveryWindow.requested_at} /> },
    { label: "Duration", value: renderDuration(recoveryWindow.duration_seconds) },
    { label: "Approvals needed", value: recoveryWindow.approvals_needed === 0 ? "None" : String(recoveryWindow.approvals_needed) },
  ];
}

function listProgress(recoveryWindow: RecoveryWindow) {
  const wasClosed = recoveryWindow.closed_at !== null || recoveryWindow.reopened_at !== null;
  if (!recoveryWindow.opened_at && !wasClosed && !recoveryWindow.activated_by) return [];
  // A command line without a server opens the window of its own request at once.
  const activatedBy = recoveryWindow.activated_by ?? (recoveryWindow.lapses_at === null ? recoveryWindow.requested_by : "Unknown");
  return [
    { label: "Activated by", value: activatedBy },
    { label: "Opened", value: <ShortTime at={recoveryWindow.opened_at} none={wasClosed ? "Unknown" : "Not yet"} /> },
    { label: "Closes at", value: <ShortTime at={recoveryWindow.expires_at} /> },
    { label: "Closed", value: <ShortTime at={recoveryWindow.closed_at} none="Not closed" /> },
    ...(recoveryWindow.reopened_at === null
      ? []
      : [
          { label: "First closed", value: <ShortTime at={recoveryWindow.first_closed_at} /> },
          { label: "Reopened by someone else", value: <ShortTime at={recoveryWindow.reopened_at} /> },
        ]),
    { label: "Closed by", value: recoveryWindow.closed_by ?? (recoveryWindow.closed_at ? "Server, at the end of the window" : "–") },
    { label: "Watched by", value: recoveryWindow.watched_by ?? "Not watched" },
    ...(recoveryWindow.is_emergency ? [{ label: "Reviewed by", value: recoveryWindow.reviewed_by ?? "Not reviewed" }] : []),
  ];
}

function Approvals({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  if (recoveryWindow.approvals.length === 0 && recoveryWindow.approvals_needed === 0) return null;
  return (
    <FittedTable
      variant="container"
      items={recoveryWindow.approvals}
      wrapLines
      header={
        <Header variant="h2" counter={`(${recoveryWindow.approvals.length})`}>
          Approvals
        </Header>
      }
      ariaLabels={{ tableLabel: "Approvals" }}
      empty={
        <EmptyText>
          No approvals.
        </EmptyText>
      }
      columnDefinitions={[
        { id: "who", header: "Approved by", cell: (approval) => approval.approver, isRowHeader: true },
        { id: "what", header: "Purpose", cell: describePurpose },
        { id: "at", header: "Approved at", cell: (approval) => <Timestamp at={approval.at} /> },
        { id: "until", header: "Valid until", cell: (approval) => <Timestamp at={approval.expires_at} /> },
        { id: "used", header: "Used", cell: (approval) => <Timestamp at={approval.used_at} none="Unused" /> },
      ]}
    />
  );
}

function describePurpose(approval: Approval): string {
  const length = renderDuration(approval.duration_seconds);
  return approval.purpose === "extending" ? `Extension by ${length}` : `Opening for ${length}`;
}
