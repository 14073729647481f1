/** The audits that are kept; two of them are compared. */
import Alert from "@cloudscape-design/components/alert";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useState } from "react";
import type { KeptAudit } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useCursorPages } from "../tables/cursor-pages";
import { Empty } from "../tables/Empty";
import { Moment } from "../times/Moment";
import { useAudits } from "./audits";
import { Changes } from "./Changes";

export function AuditsTab() {
  const pages = useCursorPages();
  const audits = useAudits(pages.after);
  const [chosen, setChosen] = useState<KeptAudit[]>([]);
  const [older, newer] = [...chosen].sort((one, other) => one.started_at.localeCompare(other.started_at));
  return (
    <SpaceBetween size="l">
      <ProblemAlert error={audits.error} onRetry={() => void audits.refetch()} />
      <Table
        variant="container"
        trackBy="audit_id"
        wrapLines
        items={audits.data?.audits ?? []}
        loading={audits.isPending}
        loadingText="Loading audits"
        selectionType="multi"
        selectedItems={chosen}
        onSelectionChange={({ detail }) => setChosen(keepTwo(chosen, detail.selectedItems))}
        ariaLabels={{
          tableLabel: "Audits",
          selectionGroupLabel: "Audits to compare",
          allItemsSelectionLabel: () => "The last two",
          itemSelectionLabel: (_, audit) => `Audit of ${audit.started_at}`,
        }}
        header={
          <Header variant="h2" counter={audits.data?.total === undefined ? undefined : `(${audits.data.total})`} description="Choose two to see what changed between them.">
            Audits
          </Header>
        }
        columnDefinitions={COLUMNS}
        empty={<Empty error={audits.error}>No audit is kept yet. Audit the organization on the Accounts page.</Empty>}
        pagination={pages.control(audits.data?.next)}
      />
      {chosen.length === 1 && <Alert type="info">Choose one more audit to compare it with.</Alert>}
      {older && newer && <Changes older={older.audit_id} newer={newer.audit_id} />}
    </SpaceBetween>
  );
}

/** The two that were chosen last; of all at once, the newest two. */
function keepTwo(before: readonly KeptAudit[], now: readonly KeptAudit[]): KeptAudit[] {
  return now.length > before.length + 1 ? now.slice(0, 2) : now.slice(-2);
}

const COLUMNS: TableProps.ColumnDefinition<KeptAudit>[] = [
  { id: "at", header: "Begun", cell: (audit) => <Moment at={audit.started_at} />, isRowHeader: true, minWidth: 150 },
  { id: "whole", header: "Of what", cell: (audit) => (audit.complete ? "Everything" : "A part"), minWidth: 140 },
  { id: "accounts", header: "Accounts", cell: (audit) => count(audit.summary.accounts), minWidth: 95 },
  { id: "present", header: "With credentials", cell: (audit) => count(audit.summary.present), minWidth: 110 },
  { id: "clean", header: "Without", cell: (audit) => count(audit.summary.not_present), minWidth: 90 },
  { id: "open", header: "Recovery open", cell: (audit) => count(audit.summary.recovery_open), minWidth: 95 },
  { id: "unknown", header: "Unknown", cell: (audit) => count(audit.summary.unknown), minWidth: 95 },
  { id: "by", header: "Asked for by", cell: (audit) => audit.requested_by ?? "–", minWidth: 100 },
];

function count(number: number | undefined): string {
  return number === undefined ? "–" : number.toLocaleString();
}
