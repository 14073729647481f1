/** Who consented to what, and whether it was used. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import type { Approval, RecoveryWindow } from "../api/records";
import { Moment } from "../times/Moment";
import { renderDuration } from "./states";

export function Approvals({ one }: { one: RecoveryWindow }) {
  if (one.approvals.length === 0 && one.approvals_needed === 0) return null;
  return (
    <Table
      variant="container"
      items={one.approvals}
      wrapLines
      header={
        <Header variant="h2" counter={`(${one.approvals.length})`}>
          Approvals
        </Header>
      }
      ariaLabels={{ tableLabel: "Approvals" }}
      empty={
        <Box textAlign="center" color="text-body-secondary">
          Nobody has approved it.
        </Box>
      }
      columnDefinitions={[
        { id: "who", header: "Approved by", cell: (given) => given.approver, isRowHeader: true },
        { id: "what", header: "For", cell: describePurpose },
        { id: "at", header: "Given", cell: (given) => <Moment at={given.at} /> },
        { id: "until", header: "Valid until", cell: (given) => <Moment at={given.expires_at} /> },
        { id: "used", header: "Used", cell: (given) => <Moment at={given.used_at} none="Not used" /> },
      ]}
    />
  );
}

function describePurpose(given: Approval): string {
  const length = renderDuration(given.duration_seconds);
  return given.purpose === "extending" ? `Prolonging by ${length}` : `Opening for ${length}`;
}
