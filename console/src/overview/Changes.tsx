/** The last audit, and what changed since the one before it. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { KeptAudit, Overview } from "../api/records";
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
          { label: "What it read", value: audit ? <Extent audit={audit} /> : "–" },
          { label: "Changed since the one before", value: <Drift drift={drift} /> },
        ]}
      />
    </Container>
  );
}

/** That an audit was of everything doesn't say that everything could be read. */
function Extent({ audit }: { audit: KeptAudit }) {
  const extent = audit.complete ? "The whole organization" : "A part of the organization";
  const unknown = audit.summary.unknown ?? 0;
  if (unknown > 0) return <StatusIndicator type="warning">{`${extent}; ${unknown.toLocaleString()} unknown`}</StatusIndicator>;
  return <StatusIndicator type={audit.complete ? "success" : "info"}>{extent}</StatusIndicator>;
}

function Drift({ drift }: { drift: Overview["drift"] }) {
  if (!drift) return <>Nothing to compare with yet</>;
  const count = drift.changed + drift.joined + drift.left;
  const { not_compared: unknown } = drift;
  if (count === 0 && unknown === 0) return <StatusIndicator type="success">Nothing</StatusIndicator>;
  const known = count === 0 ? "Nothing that is known" : `${drift.changed} changed, ${drift.joined} joined, ${drift.left} left`;
  return <StatusIndicator type="warning">{unknown === 0 ? known : `${known}; ${unknown} can't be compared`}</StatusIndicator>;
}
