/** Stored audits, and the changes between two of them. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { PAGE_ROWS, api, unwrap } from "../api/client";
import type { ChangedAccount, Comparison, KeptAudit, StatusThen } from "../api/records";
import { QueryPlaceholder } from "../components/PageFrame";
import { STATUSES } from "../organization/statuses";
import { FittedTable } from "../tables/FittedTable";
import { QueryTable } from "../tables/QueryTable";
import { useCursorPages, usePages } from "../tables/pages";
import { Timestamp } from "../times/Timestamp";
import { AuditFindings } from "./AuditFindings";

export function AuditHistory() {
  const pages = useCursorPages();
  const audits = useAudits(pages.after);
  const [selected, setSelected] = useState<KeptAudit[]>([]);
  const [older, newer] = [...selected].sort((one, other) => one.started_at.localeCompare(other.started_at));
  return (
    <SpaceBetween size="l">
      <QueryTable
        query={audits}
        variant="container"
        trackBy="audit_id"
        wrapLines
        items={audits.data?.audits}
        loadingText="Loading audits"
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={({ detail }) => setSelected(keepTwo(selected, detail.selectedItems))}
        ariaLabels={{
          tableLabel: "Audits",
          selectionGroupLabel: "Audits to compare",
          allItemsSelectionLabel: () => "Select the last two audits",
          itemSelectionLabel: (_, audit) => `Audit of ${audit.started_at}`,
        }}
        header={
          <Header variant="h2" counter={audits.data?.total === undefined ? undefined : `(${audits.data.total})`} description="Select one audit for its findings, or two to compare them.">
            Audits
          </Header>
        }
        columnDefinitions={AUDIT_COLUMNS}
        empty="No audits. Run an audit on the Accounts page."
        pagination={pages.control(audits.data?.next, audits.data?.total)}
      />
      {selected.length === 1 && <Alert type="info">Select a second audit to compare.</Alert>}
      {selected.length === 1 && older && <AuditFindings auditId={older.audit_id} />}
      {older && newer && <AuditComparison older={older.audit_id} newer={newer.audit_id} />}
    </SpaceBetween>
  );
}

/** The last two selected; if all are selected at once, the newest two. */
function keepTwo(before: readonly KeptAudit[], now: readonly KeptAudit[]): KeptAudit[] {
  return now.length > before.length + 1 ? now.slice(0, 2) : now.slice(-2);
}

const AUDIT_COLUMNS: TableProps.ColumnDefinition<KeptAudit>[] = [
  { id: "at", header: "Started", cell: (audit) => <Timestamp at={audit.started_at} />, isRowHeader: true, minWidth: 150 },
  { id: "whole", header: "Scope", cell: (audit) => (audit.complete ? "Whole organization" : "Part"), minWidth: 140 },
  { id: "accounts", header: "Accounts", cell: (audit) => formatCount(audit.summary.accounts), minWidth: 95 },
  { id: "present", header: "With credentials", cell: (audit) => formatCount(audit.summary.present), minWidth: 110 },
  { id: "clean", header: "Without credentials", cell: (audit) => formatCount(audit.summary.not_present), minWidth: 90 },
  { id: "open", header: "Recovery open", cell: (audit) => formatCount(audit.summary.recovery_open), minWidth: 95 },
  { id: "unknown", header: "Unknown", cell: (audit) => formatCount(audit.summary.unknown), minWidth: 95 },
  { id: "by", header: "Requested by", cell: (audit) => audit.requested_by ?? "–", minWidth: 100 },
];

function formatCount(number: number | undefined): string {
  return number === undefined ? "–" : number.toLocaleString();
}

const PAGE_SIZE = 50;
const CHANGES = { changed: "Changed", joined: "Joined", left: "Left" } as const;
const KIND_CHANGES = {
  appeared: "appeared",
  gone: "gone",
  read: "read for the first time",
  replaced: "replaced",
  unread: "no longer read",
} as const;

function AuditComparison({ older, newer }: { older: string; newer: string }) {
  const compared = useComparison(older, newer);
  if (!compared.data) return <QueryPlaceholder query={compared} height="10rem" />;
  return <ChangeTable key={`${older} ${newer}`} comparison={compared.data} />;
}

function ChangeTable({ comparison }: { comparison: Comparison }) {
  const { accounts } = comparison;
  const pages = usePages(accounts, PAGE_SIZE);
  return (
    <FittedTable
      variant="container"
      trackBy="account_id"
      items={pages.shown}
      wrapLines
      ariaLabels={{ tableLabel: "Changes between audits" }}
      header={
        <Header variant="h2" counter={`(${accounts.length.toLocaleString()})`} description={<Summary comparison={comparison} />}>
          Changes between audits
        </Header>
      }
      empty={<Box textAlign="center">No changes in the accounts that both audits read.</Box>}
      pagination={pages.control}
      columnDefinitions={CHANGE_COLUMNS}
    />
  );
}

function Summary({ comparison }: { comparison: Comparison }) {
  const { older, newer, summary } = comparison;
  return (
    <>
      From <Timestamp at={older.ended_at ?? older.started_at} /> to <Timestamp at={newer.ended_at ?? newer.started_at} />:{" "}
      {summary.changed.toLocaleString()} changed, {summary.joined.toLocaleString()} joined, {summary.left.toLocaleString()} left,{" "}
      {summary.unchanged.toLocaleString()} unchanged, {summary.not_compared.toLocaleString()} not comparable.
    </>
  );
}

const CHANGE_COLUMNS: TableProps.ColumnDefinition<ChangedAccount>[] = [
  { id: "account", header: "Account", cell: (one) => `${one.name} (${one.account_id})`, isRowHeader: true },
  { id: "change", header: "Change", cell: (one) => CHANGES[one.change] },
  { id: "before", header: "Before", cell: (one) => <StatusThenLabel found={one.before} /> },
  { id: "after", header: "After", cell: (one) => <StatusThenLabel found={one.after} /> },
  { id: "credentials", header: "Credentials", cell: describeCredentials },
];

function StatusThenLabel({ found }: { found: StatusThen | null }) {
  const known = STATUSES.find(({ status }) => status === found?.status);
  if (!found || !known) return <>–</>;
  return (
    <StatusIndicator type={known.type}>
      {known.label}
      {found.reason ? `: ${found.reason.replaceAll("_", " ")}` : ""}
    </StatusIndicator>
  );
}

function describeCredentials(one: ChangedAccount): string {
  if (one.credentials.length === 0) return "–";
  return one.credentials.map(({ kind, change }) => `${kind.replaceAll("_", " ")} ${KIND_CHANGES[change]}`).join(", ");
}

function useAudits(after: string | undefined) {
  return useQuery({
    queryKey: ["audits", after],
    queryFn: () => unwrap(api.GET("/api/v1/audits", { params: { query: { after, limit: PAGE_ROWS } } })),
  });
}

function useComparison(older: string | null, newer: string | null) {
  return useQuery({
    queryKey: ["audits", "diff", older, newer],
    queryFn: () =>
      unwrap(api.GET("/api/v1/audits/diff", { params: { query: { older: older ?? undefined, newer: newer ?? undefined } } })),
    enabled: older !== null && newer !== null,
  });
}
