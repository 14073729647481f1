/** The evidence of a recovery window: ledger steps, watched root events and re-reads. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { saveText } from "../api/downloads";
import type { RecoveryWindow, WindowReport } from "../api/records";
import { FACT_PIXELS, QueryProblem } from "../components/PageFrame";
import { nameAction } from "../ledger/entries";
import { FittedTable } from "../tables/FittedTable";
import { renderDuration } from "../times/format";
import { Timestamp } from "../times/Timestamp";
import { isUnwatched, needsClosing } from "./states";
import { DURATION_LABELS, useReport } from "./windows";

export function WindowEvidence({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const report = useReport(recoveryWindow);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="From the ledger, the watched root events and the re-reads after closing."
          actions={report.data && <Downloads windowId={recoveryWindow.window_id} report={report.data} />}
        >
          Evidence
        </Header>
      }
    >
      <SpaceBetween size="l">
        <QueryProblem query={report} />
        {report.data && <Findings report={report.data} recoveryWindow={recoveryWindow} />}
      </SpaceBetween>
    </Container>
  );
}

function Downloads({ windowId, report }: { windowId: string; report: WindowReport }) {
  const { markdown, ...record } = report;
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <Button iconName="download" onClick={() => saveText(markdown, `${windowId}.md`, "text/markdown")}>
        Markdown
      </Button>
      <Button iconName="download" onClick={() => saveText(JSON.stringify(record, null, 2), `${windowId}.json`)}>
        JSON
      </Button>
    </SpaceBetween>
  );
}

function Findings({ report, recoveryWindow }: { report: WindowReport; recoveryWindow: RecoveryWindow }) {
  const wasOpen = recoveryWindow.opened_at !== null;
  return (
    <SpaceBetween size="l">
      {report.remarks.map((remark) => (
        <StatusIndicator key={remark} type="info">
          {remark}
        </StatusIndicator>
      ))}
      {wasOpen && <Durations report={report} isActive={needsClosing(recoveryWindow)} />}
      <LedgerSteps report={report} />
      {wasOpen && <RootEvents report={report} isUnwatched={isUnwatched(recoveryWindow)} />}
      {report.rereads.length > 0 && <Rereads report={report} />}
    </SpaceBetween>
  );
}

function Durations({ report, isActive }: { report: WindowReport; isActive: boolean }) {
  const known = Object.entries(report.durations_seconds) as [keyof typeof DURATION_LABELS, number | null][];
  return (
    <KeyValuePairs
      columns={3} minColumnWidth={FACT_PIXELS}
      items={known.map(([name, seconds]) => ({
        label: DURATION_LABELS[name],
        value: seconds === null ? (isActive ? "Not yet" : "Unknown") : name === "late" && seconds <= 0 ? "On time" : renderDuration(seconds),
      }))}
    />
  );
}

const STEP_RESULTS: { [result in WindowReport["steps"][number]["result"]]: { type: StatusIndicatorProps.Type; label: string } } = {
  done: { type: "success", label: "Done" },
  failed: { type: "error", label: "Failed" },
  unknown: { type: "warning", label: "Unknown" },
  open: { type: "pending", label: "No outcome yet" },
};

function LedgerSteps({ report }: { report: WindowReport }) {
  return (
    <FittedTable
      variant="embedded"
      wrapLines
      items={report.steps}
      header={<Header variant="h3">Ledger steps</Header>}
      ariaLabels={{ tableLabel: "Ledger steps" }}
      empty="The ledger has no steps of this window."
      columnDefinitions={[
        { id: "what", header: "Step", cell: (step) => nameAction(step.what), isRowHeader: true },
        { id: "at", header: "When", cell: (step) => <Timestamp at={step.at} /> },
        { id: "who", header: "By", cell: (step) => step.actor },
        { id: "result", header: "Result", cell: (step) => <StatusIndicator type={STEP_RESULTS[step.result].type}>{STEP_RESULTS[step.result].label}</StatusIndicator> },
        { id: "detail", header: "Detail", cell: (step) => step.detail || "–" },
      ]}
    />
  );
}

function RootEvents({ report, isUnwatched }: { report: WindowReport; isUnwatched: boolean }) {
  return (
    <FittedTable
      variant="embedded"
      wrapLines
      items={report.events}
      header={<Header variant="h3">Watched root events</Header>}
      ariaLabels={{ tableLabel: "Watched root events" }}
      empty={
        <Box color="text-body-secondary">
          {isUnwatched ? "The window wasn't watched. The actions of the root user aren't known here." : "No events yet."}
        </Box>
      }
      columnDefinitions={[
        { id: "name", header: "Event", cell: (event) => event.name, isRowHeader: true },
        { id: "at", header: "When", cell: (event) => <Timestamp at={event.at} /> },
        { id: "verdict", header: "Verdict", cell: (event) => event.verdict },
        { id: "why", header: "Explanation", cell: (event) => event.explanation },
      ]}
    />
  );
}

function Rereads({ report }: { report: WindowReport }) {
  return (
    <FittedTable
      variant="embedded"
      items={report.rereads}
      header={<Header variant="h3">Re-reads after closing</Header>}
      ariaLabels={{ tableLabel: "Re-reads after closing" }}
      columnDefinitions={[
        { id: "at", header: "When", cell: (reread) => <Timestamp at={reread.at} />, isRowHeader: true },
        {
          id: "found",
          header: "Found",
          cell: (reread) =>
            reread.is_clean ? (
              <StatusIndicator type="success">Not present</StatusIndicator>
            ) : (
              <StatusIndicator type="error">{reread.found.join(", ")}</StatusIndicator>
            ),
        },
      ]}
    />
  );
}
