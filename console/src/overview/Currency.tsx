/** How current the numbers are: audits, changes, and the verification of the ledger. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { KeptAudit, Overview } from "../api/records";
import { LedgerVerified } from "../components/LedgerVerified";
import { FACT_PIXELS } from "../components/PageFrame";
import { RelativeTime, useNow } from "../times/Timestamp";

const DAY_MILLISECONDS = 86_400_000;

export function Currency({ overview }: { overview: Overview }) {
  const { last_audit: audit, last_complete_audit: complete, drift, ledger } = overview;
  return (
    <Container header={<Header variant="h2">Audits and ledger</Header>}>
      <KeyValuePairs
        columns={4}
        minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Since the last audit of all accounts", value: <DaysSince audit={complete} /> },
          { label: "Last audit", value: audit ? <LastAudit audit={audit} /> : "–" },
          { label: "Changes since the previous audit", value: <Drift drift={drift} /> },
          { label: "Ledger verified", value: <LedgerVerified ledger={ledger} /> },
        ]}
      />
    </Container>
  );
}

function DaysSince({ audit }: { audit: KeptAudit | null }) {
  const now = useNow(60_000);
  if (!audit) return <StatusIndicator type="warning">Never audited</StatusIndicator>;
  const days = Math.max(0, Math.floor((now - new Date(audit.ended_at).getTime()) / DAY_MILLISECONDS));
  const unknown = audit.summary.unknown ?? 0;
  return (
    <>
      <span className="countdown countdown--words">{renderDays(days)}</span>
      {unknown > 0 && (
        <div>
          <StatusIndicator type="warning">{unknown.toLocaleString()} unknown</StatusIndicator>
        </div>
      )}
    </>
  );
}

function renderDays(days: number): string {
  if (days === 0) return "Under 1 day";
  return days === 1 ? "1 day" : `${days.toLocaleString()} days`;
}

function LastAudit({ audit }: { audit: KeptAudit }) {
  return (
    <>
      <RelativeTime at={audit.ended_at} /> by {audit.requested_by ?? "–"}
      <Box color="text-body-secondary">{audit.complete ? "Whole organization" : "Part of the organization"}</Box>
    </>
  );
}

function Drift({ drift }: { drift: Overview["drift"] }) {
  if (!drift) return <>No previous audit</>;
  const count = drift.changed + drift.joined + drift.left;
  const { not_compared: unknown } = drift;
  if (count === 0 && unknown === 0) return <StatusIndicator type="success">No changes</StatusIndicator>;
  const known = count === 0 ? "No known changes" : `${drift.changed} changed, ${drift.joined} joined, ${drift.left} left`;
  return <StatusIndicator type="warning">{unknown === 0 ? known : `${known}; ${unknown} not comparable`}</StatusIndicator>;
}
