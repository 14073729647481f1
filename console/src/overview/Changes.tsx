/** The last audit, and what changed since the one before it. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Overview } from "../api/records";
import { Ago } from "../times/Moment";

export function Changes({ overview }: { overview: Overview }) {
  const { last_audit: audit, drift } = overview;
  return (
    <Container header={<Header variant="h2">Last audit and drift</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Last audit", value: <Ago at={audit?.ended_at ?? audit?.started_at} /> },
          { label: "Asked for by", value: audit?.requested_by ?? "–" },
          { label: "Every account was read", value: <Completeness isComplete={audit?.complete} /> },
          { label: "Changed since the one before", value: <Drift drift={drift} /> },
        ]}
      />
    </Container>
  );
}

function Completeness({ isComplete }: { isComplete: boolean | undefined }) {
  if (isComplete === undefined) return <>–</>;
  return isComplete ? <StatusIndicator type="success">Yes</StatusIndicator> : <StatusIndicator type="warning">No</StatusIndicator>;
}

function Drift({ drift }: { drift: Overview["drift"] }) {
  if (!drift) return <>Nothing to compare with yet</>;
  const count = drift.changed + drift.joined + drift.left;
  if (count === 0) return <StatusIndicator type="success">Nothing</StatusIndicator>;
  return (
    <StatusIndicator type="warning">
      {drift.changed} changed, {drift.joined} joined, {drift.left} left
    </StatusIndicator>
  );
}
