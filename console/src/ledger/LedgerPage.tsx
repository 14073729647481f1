/** The audit trail: who did what, looked through from the newest entry on, and verified. */
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useCallback, useMemo, useState } from "react";
import type { LedgerEntry } from "../api/records";
import { Headed } from "../shell/Headed";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useSplitPanel } from "../shell/split-panel";
import { useAddressFilter } from "../tables/address-filter";
import { useCursorPages } from "../tables/cursor-pages";
import { Empty } from "../tables/Empty";
import { Moment } from "../times/Moment";
import { AccountName } from "../windows/AccountName";
import { WISH_ADDRESS } from "./address";
import { nameAction, useLatest, type LedgerWish } from "./entries";
import { EntryDetails } from "./EntryDetails";
import { Filters } from "./Filters";
import { Phase } from "./Phase";
import { Verification } from "./Verification";

export default function LedgerPage() {
  const [wish, setWish] = useAddressFilter(WISH_ADDRESS);
  return (
    <Headed
      title="Ledger"
      description="Each privileged call is written here before it leaves, and what came of it after. Entries are chained: an edit, a gap or a new order shows."
    >
      <SpaceBetween size="l">
        <Verification />
        <Filters wish={wish} onChange={setWish} />
        <Entries wish={wish} />
      </SpaceBetween>
    </Headed>
  );
}

function Entries({ wish }: { wish: LedgerWish }) {
  const pages = useCursorPages(JSON.stringify(wish));
  const found = useLatest(wish, pages.after);
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
    <SpaceBetween size="m">
      <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />
      <Table
        trackBy={(entry) => String(entry.sequence)}
        items={found.data?.entries ?? []}
        loading={found.isPending}
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
        empty={<Empty error={found.error}>{describeNothing(wish)}</Empty>}
        pagination={pages.control(found.data?.next)}
      />
    </SpaceBetween>
  );
}

function describeNothing(wish: LedgerWish): string {
  const isFiltered = Boolean(wish.account_id || wish.actor || wish.actions.length || wish.results.length);
  return isFiltered ? "No entry fits these filters." : "Nothing privileged was done yet.";
}

const COLUMNS: TableProps.ColumnDefinition<LedgerEntry>[] = [
  { id: "sequence", header: "No.", cell: (entry) => entry.sequence, isRowHeader: true, minWidth: 70 },
  { id: "at", header: "When", cell: (entry) => <Moment at={entry.at} />, minWidth: 180 },
  { id: "action", header: "Action", cell: (entry) => nameAction(entry.action), minWidth: 180 },
  { id: "phase", header: "Intent or outcome", cell: (entry) => <Phase entry={entry} />, minWidth: 170 },
  { id: "actor", header: "By", cell: (entry) => entry.actor.name, minWidth: 120 },
  { id: "account", header: "Account", cell: (entry) => (entry.account_id ? <AccountName accountId={entry.account_id} /> : "–"), minWidth: 200 },
];
