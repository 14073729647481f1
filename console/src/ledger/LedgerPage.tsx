/** The ledger page: the newest entries first, filters, and verification. */
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import { type TableProps } from "@cloudscape-design/components/table";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import { api, unwrap } from "../api/client";
import { saveText } from "../api/downloads";
import type { LedgerEntry } from "../api/records";
import { useSplitPanel } from "../components/links";
import { notify } from "../components/notices";
import { PageFrame } from "../components/PageFrame";
import { AccountName } from "../organization/AccountField";
import { QueryTable } from "../tables/QueryTable";
import { useCursorPages } from "../tables/pages";
import { useUrlFilter } from "../tables/url-filter";
import { NoPeriod } from "../components/PeriodPicker";
import { type Period, usePeriod } from "../times/periods";
import { Timestamp } from "../times/Timestamp";
import { FILTER_CODEC, type LedgerFilter, nameAction, PAGE_ENTRIES, toQuery, useLatest } from "./entries";
import { groupEntries, type LedgerRow, listEntries } from "./groups";
import { EntryDetails, EntryPhase, OperationResult } from "./LedgerEntries";
import { LedgerFilters } from "./LedgerFilters";
import { VerificationPanel } from "./LedgerVerification";

export default function LedgerPage() {
  const [filter, setFilter] = useUrlFilter(FILTER_CODEC);
  const chosen = usePeriod("all");
  return (
    <PageFrame
      title="Ledger"
      description="Records every privileged call before it is sent, and its outcome afterwards. The entries form a hash chain that reveals edits, gaps and reordering."
    >
      <SpaceBetween size="l">
        <VerificationPanel />
        <LedgerFilters filter={filter} onChange={setFilter} chosen={chosen} />
        {chosen.problem ? <NoPeriod /> : <Entries filter={filter} period={chosen.period} />}
      </SpaceBetween>
    </PageFrame>
  );
}

interface EntriesProps {
  filter: LedgerFilter;
  period: Period | null;
}

function Entries({ filter, period }: EntriesProps) {
  const pages = useCursorPages(JSON.stringify([filter, period]), PAGE_ENTRIES);
  const found = useLatest(filter, period, pages.after);
  const rows = useMemo(() => groupEntries(found.data?.entries ?? []), [found.data]);
  const [expanded, setExpanded] = useState<readonly LedgerRow[]>([]);
  const [selected, setSelected] = useState<LedgerRow | null>(null);
  const panel = useMemo(
    () =>
      selected && (
        <SplitPanel header={describeRow(selected)} closeBehavior="hide">
          <SpaceBetween size="xl">
            {listEntries(selected).map((entry) => (
              <EntryDetails key={entry.sequence} entry={entry} />
            ))}
          </SpaceBetween>
        </SplitPanel>
      ),
    [selected],
  );
  useSplitPanel(panel, useCallback(() => setSelected(null), []));
  return (
    <QueryTable
      query={found}
      trackBy="id"
      items={found.data && rows}
      loadingText="Loading entries"
      contentDensity="compact"
      wrapLines
      ariaLabels={{
        tableLabel: "Entries of the ledger",
        selectionGroupLabel: "Row to show",
        itemSelectionLabel: (_, row) => describeRow(row),
        expandButtonLabel: (row) => `Show the steps of ${describeRow(row)}`,
        collapseButtonLabel: (row) => `Hide the steps of ${describeRow(row)}`,
      }}
      header={<ExportButton filter={filter} period={period} />}
      expandableRows={{
        getItemChildren: (row) => (row.kind === "operation" ? row.steps : []),
        isItemExpandable: (row) => row.kind === "operation",
        expandedItems: expanded,
        onExpandableItemToggle: ({ detail: { item, expanded: isExpanded } }) =>
          setExpanded((before) => [...before.filter((one) => one.id !== item.id), ...(isExpanded ? [item] : [])]),
      }}
      selectionType="single"
      selectedItems={selected ? [selected] : []}
      onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0] ?? null)}
      onRowClick={({ detail }) => setSelected(detail.item)}
      columnDefinitions={COLUMNS}
      empty={describeEmpty(filter, period)}
      pagination={pages.control(found.data?.next, found.data?.total)}
    />
  );
}

function describeRow(row: LedgerRow): string {
  if (row.kind === "operation") return row.title;
  return row.intent ? `Entries ${row.intent.sequence} and ${row.entry.sequence}` : `Entry ${row.entry.sequence}`;
}

const PAGE = 500;
const MAX_EXPORTED = 10_000;

/** Every entry that the filters let through, as it was hashed, in JSON Lines. */
function ExportButton({ filter, period }: EntriesProps) {
  const exporting = useMutation({
    mutationFn: async () => {
      const { entries, isCut } = await readEntries(filter, period ?? {});
      saveText(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), "ledger.jsonl", "application/jsonl");
      if (isCut) notify("warning", `Only the newest ${MAX_EXPORTED.toLocaleString()} entries were exported. Export all with: rootkeeper ledger export`);
    },
  });
  return (
    <Header
      variant="h2"
      actions={
        <Button iconName="download" loading={exporting.isPending} disabled={period === null} onClick={() => exporting.mutate()}>
          Export entries
        </Button>
      }
    >
      Entries
    </Header>
  );
}

async function readEntries(filter: LedgerFilter, period: Period): Promise<{ entries: LedgerEntry[]; isCut: boolean }> {
  const entries: LedgerEntry[] = [];
  let before: string | null = null;
  do {
    const query = { ...toQuery(filter, period, before ?? undefined), limit: PAGE };
    const page: { entries: LedgerEntry[]; next: string | null } = await unwrap(api.GET("/api/v1/ledger/latest", { params: { query } }));
    entries.push(...page.entries);
    before = page.next;
  } while (before !== null && entries.length < MAX_EXPORTED);
  return { entries, isCut: before !== null };
}

function describeEmpty(filter: LedgerFilter, period: Period | null): string {
  const { account_id, actor, reference, actions, results } = filter;
  const isFiltered = Boolean(account_id || actor || reference || actions.length || results.length || period?.from);
  return isFiltered ? "No entries match the filters." : "No entries.";
}

/** The newest entry of a row. */
function lastEntry(row: LedgerRow): LedgerEntry | undefined {
  return row.kind === "operation" ? row.steps[0]?.entry : row.entry;
}

/** Such as "12", or "3 to 12". */
function describeNumbers(row: LedgerRow): string {
  const numbers = listEntries(row).map((entry) => entry.sequence);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? String(most) : `${least} to ${most}`;
}

const COLUMNS: TableProps.ColumnDefinition<LedgerRow>[] = [
  { id: "action", header: "Action", cell: (row) => (row.kind === "operation" ? row.title : nameAction(row.entry.action)), isRowHeader: true, minWidth: 180 },
  { id: "at", header: "When", cell: (row) => <Timestamp at={lastEntry(row)?.at} />, minWidth: 115 },
  {
    id: "phase",
    header: "Result",
    cell: (row) => (row.kind === "operation" ? <OperationResult result={row.result} /> : <EntryPhase entry={row.entry} />),
    minWidth: 115,
  },
  { id: "actor", header: "By", cell: (row) => lastEntry(row)?.actor.name, minWidth: 85 },
  { id: "account", header: "Account", cell: nameAccount, minWidth: 190 },
  { id: "sequence", header: "Entries", cell: describeNumbers, minWidth: 100 },
];

function nameAccount(row: LedgerRow): ReactNode {
  const accountId = lastEntry(row)?.account_id;
  return accountId ? <AccountName accountId={accountId} /> : "–";
}
