/** What is proven of a window: its report from the ledger, the watched events and the re-reads. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { saveText } from "../api/downloads";
import type { RecoveryWindow, WindowReport } from "../api/records";
import { nameAction } from "../ledger/entries";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";
import { renderLength } from "../times/render";
import { DURATIONS, useReport } from "./report";
import { isUnwatched, owesClosing } from "./states";

export function Evidence({ one }: { one: RecoveryWindow }) {
  const report = useReport(one);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Made from the ledger, the watched root events and the re-reads after the closing."
          actions={report.data && <Downloads windowId={one.window_id} report={report.data} />}
        >
          Evidence
        </Header>
      }
    >
      <SpaceBetween size="l">
        <ProblemAlert error={report.error} onRetry={() => void report.refetch()} />
        {report.data && <Findings report={report.data} one={one} />}
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

function Findings({ report, one }: { report: WindowReport; one: RecoveryWindow }) {
  const wasOpen = one.opened_at !== null;
  return (
    <SpaceBetween size="l">
      {report.remarks.map((remark) => (
        <StatusIndicator key={remark} type="info">
          {remark}
        </StatusIndicator>
      ))}
      {wasOpen && <Durations report={report} goesOn={owesClosing(one)} />}
      <Steps report={report} />
      {wasOpen && <Events report={report} isUnwatched={isUnwatched(one)} />}
      {report.rereads.length > 0 && <Rereads report={report} />}
    </SpaceBetween>
  );
}

function Durations({ report, goesOn }: { report: WindowReport; goesOn: boolean }) {
  const known = Object.entries(report.durations_seconds) as [keyof typeof DURATIONS, number | null][];
  return (
    <KeyValuePairs
      columns={3}
      items={known.map(([name, seconds]) => ({
        label: DURATIONS[name],
        value: seconds === null ? (goesOn ? "Not yet" : "Not known") : name === "late" && seconds <= 0 ? "In time" : renderLength(seconds),
      }))}
    />
  );
}

const RESULTS: { [result in WindowReport["steps"][number]["result"]]: { type: StatusIndicatorProps.Type; words: string } } = {
  done: { type: "success", words: "Done" },
  failed: { type: "error", words: "Failed" },
  unknown: { type: "warning", words: "Unknown" },
  open: { type: "pending", words: "No outcome yet" },
};

function Steps({ report }: { report: WindowReport }) {
  return (
    <Table
      variant="embedded"
      wrapLines
      items={report.steps}
      header={<Header variant="h3">Steps in the ledger</Header>}
      ariaLabels={{ tableLabel: "Steps in the ledger" }}
      empty="The ledger has no step of it."
      columnDefinitions={[
        { id: "what", header: "Step", cell: (step) => nameAction(step.what), isRowHeader: true },
        { id: "at", header: "When", cell: (step) => <Moment at={step.at} /> },
        { id: "who", header: "By", cell: (step) => step.actor },
        { id: "result", header: "Result", cell: (step) => <StatusIndicator type={RESULTS[step.result].type}>{RESULTS[step.result].words}</StatusIndicator> },
        { id: "detail", header: "Detail", cell: (step) => step.detail || "–" },
      ]}
    />
  );
}

function Events({ report, isUnwatched }: { report: WindowReport; isUnwatched: boolean }) {
  return (
    <Table
      variant="embedded"
      wrapLines
      items={report.events}
      header={<Header variant="h3">Root events that were watched</Header>}
      ariaLabels={{ tableLabel: "Root events that were watched" }}
      empty={
        <Box color="text-body-secondary">
          {isUnwatched ? "Nothing watched it: what the root user did isn't known here." : "None was seen up to now."}
        </Box>
      }
      columnDefinitions={[
        { id: "name", header: "Event", cell: (event) => event.name, isRowHeader: true },
        { id: "at", header: "When", cell: (event) => <Moment at={event.at} /> },
        { id: "verdict", header: "Verdict", cell: (event) => event.verdict },
        { id: "why", header: "Why", cell: (event) => event.explanation },
      ]}
    />
  );
}

function Rereads({ report }: { report: WindowReport }) {
  return (
    <Table
      variant="embedded"
      items={report.rereads}
      header={<Header variant="h3">Readings after the closing</Header>}
      ariaLabels={{ tableLabel: "Readings after the closing" }}
      columnDefinitions={[
        { id: "at", header: "When", cell: (one) => <Moment at={one.at} />, isRowHeader: true },
        {
          id: "found",
          header: "Found",
          cell: (one) =>
            one.is_clean ? (
              <StatusIndicator type="success">No root user credentials</StatusIndicator>
            ) : (
              <StatusIndicator type="error">{one.found.join(", ")}</StatusIndicator>
            ),
        },
      ]}
    />
  );
}
