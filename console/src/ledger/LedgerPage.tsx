/** The ledger page: the newest entries first, filters, and verification. */
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import { type TableProps } from "@cloudscape-design/components/table";
import { useCallback, useMemo, useState } from "react";
import type { LedgerEntry } from "../api/records";
import { useSplitPanel } from "../components/links";
import { PageFrame } from "../components/PageFrame";
import { AccountName } from "../organization/AccountField";
import { QueryTable } from "../tables/QueryTable";
import { useCursorPages } from "../tables/pages";
import { useUrlFilter } from "../tables/url-filter";
import { Timestamp } from "../times/Timestamp";
import { FILTER_CODEC, type LedgerFilter, nameAction, useLatest } from "./entries";
import { EntryDetails, EntryPhase } from "./LedgerEntries";
import { LedgerFilters } from "./LedgerFilters";
import { VerificationPanel } from "./LedgerVerification";

export default function LedgerPage() {
  const [filter, setFilter] = useUrlFilter(FILTER_CODEC);
  return (
    <PageFrame
      title="Ledger"
      description="Records every privileged call before it is sent, and its outcome afterwards. The entries form a hash chain that reveals edits, gaps and reordering."
    >
      <SpaceBetween size="l">
        <VerificationPanel />
        <LedgerFilters filter={filter} onChange={setFilter} />
        <Entries filter={filter} />
      </SpaceBetween>
    </PageFrame>
  );
}

function Entries({ filter }: { filter: LedgerFilter }) {
  const pages = useCursorPages(JSON.stringify(filter));
  const found = useLatest(filter, pages.after);
  const [selected, setSelected] = useState<LedgerEntry | null>(null);
  const panel = useMemo(
    () =>
      selected && (
        <SplitPanel header={`Entry ${selected.sequence}`} closeBehavior="hide">
          <EntryDetails entry={selected} />
        </SplitPanel>
      ),
    [selected],
  );
  useSplitPanel(panel, useCallback(() => setSelected(null), []));
  return (
    <QueryTable
      query={found}
      trackBy={(entry) => String(entry.sequence)}
      items={found.data?.entries}
      loadingText="Loading entries"
      contentDensity="compact"
      ariaLabels={{
        tableLabel: "Entries of the ledger",
        selectionGroupLabel: "Entry to show",
        itemSelectionLabel: (_, entry) => `Entry ${entry.sequence}`,
      }}
      selectionType="single"
      selectedItems={selected ? [selected] : []}
      onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0] ?? null)}
      onRowClick={({ detail }) => setSelected(detail.item)}
      columnDefinitions={COLUMNS}
      empty={describeEmpty(filter)}
      pagination={pages.control(found.data?.next)}
    />
  );
}

function describeEmpty(filter: LedgerFilter): string {
  const isFiltered = Boolean(filter.account_id || filter.actor || filter.actions.length || filter.results.length);
  return isFiltered ? "No entries match the filters." : "No entries.";
}

const COLUMNS: TableProps.ColumnDefinition<LedgerEntry>[] = [
  { id: "sequence", header: "No.", cell: (entry) => entry.sequence, isRowHeader: true, minWidth: 70 },
  { id: "at", header: "When", cell: (entry) => <Timestamp at={entry.at} />, minWidth: 180 },
  { id: "action", header: "Action", cell: (entry) => nameAction(entry.action), minWidth: 180 },
  { id: "phase", header: "Intent or outcome", cell: (entry) => <EntryPhase entry={entry} />, minWidth: 170 },
  { id: "actor", header: "By", cell: (entry) => entry.actor.name, minWidth: 120 },
  { id: "account", header: "Account", cell: (entry) => (entry.account_id ? <AccountName accountId={entry.account_id} /> : "–"), minWidth: 200 },
];
