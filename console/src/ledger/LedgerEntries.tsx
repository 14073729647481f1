/** Entries of the ledger: one in full, its phase, and the entries of one account. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { LedgerEntry } from "../api/records";
import { FACT_PIXELS } from "../components/PageFrame";
import { AccountName } from "../organization/AccountField";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { ACTOR_KINDS, nameAction, type Result } from "./entries";

export function EntryDetails({ entry }: { entry: LedgerEntry }) {
  return (
    <SpaceBetween size="m">
      <KeyValuePairs
        columns={3} minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Action", value: nameAction(entry.action) },
          { label: "When", value: <Timestamp at={entry.at} /> },
          { label: "Account", value: entry.account_id ? <AccountName accountId={entry.account_id} /> : "–" },
          { label: "By", value: `${entry.actor.name}, ${ACTOR_KINDS[entry.actor.kind]}` },
          { label: "AWS caller", value: entry.actor.caller_arn ?? "None (no AWS call)" },
          { label: "Endpoint", value: `${entry.organization_id} at ${entry.endpoint}` },
          { label: "Intent entry", value: entry.intent_sequence ?? "–" },
          { label: "Hash", value: <Hash text={entry.entry_hash} /> },
          { label: "Hash of the previous entry", value: <Hash text={entry.previous_hash} /> },
        ]}
      />
      <div>
        <Box variant="awsui-key-label">Parameters</Box>
        <pre className="policy" tabIndex={0} aria-label="Parameters">
          {JSON.stringify(entry.parameters, null, 2)}
        </pre>
      </div>
    </SpaceBetween>
  );
}

function Hash({ text }: { text: string }) {
  return <span className="policy">{text}</span>;
}

const RESULTS: { [result in Result]: { type: StatusIndicatorProps.Type; label: string } } = {
  done: { type: "success", label: "Done" },
  failed: { type: "error", label: "Failed" },
  unknown: { type: "warning", label: "Unknown" },
};

/** Of an operation: the worst result of its steps. */
export function OperationResult({ result }: { result: Result | null }) {
  if (result === null) return <StatusIndicator type="pending">No outcome yet</StatusIndicator>;
  const { type, label } = RESULTS[result];
  return <StatusIndicator type={type}>{label}</StatusIndicator>;
}

export function EntryPhase({ entry }: { entry: LedgerEntry }) {
  if (entry.phase === "intent") return <StatusIndicator type="pending">Intent, no outcome yet</StatusIndicator>;
  if (!entry.result) return <StatusIndicator type="info">Recorded</StatusIndicator>;
  const { type, label } = RESULTS[entry.result];
  return <StatusIndicator type={type}>{label}</StatusIndicator>;
}

const FIRST_CURSOR = 0;

export function AccountLedger({ accountId }: { accountId: string }) {
  const found = useInfiniteQuery({
    queryKey: ["ledger", "account", accountId],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/ledger", { params: { query: { account_id: accountId, after: pageParam, limit: 50 } } })),
    initialPageParam: FIRST_CURSOR,
    getNextPageParam: (page) => (page.next === null ? undefined : Number(page.next)),
  });
  return (
    <SpaceBetween size="s">
      <QueryTable
        query={found}
        variant="embedded"
        ariaLabels={{ tableLabel: "Ledger of the account" }}
        items={found.data?.pages.flatMap((page) => page.entries)}
        trackBy={(one) => String(one.sequence)}
        loadingText="Loading the ledger"
        empty="The ledger has no entries for this account. Audits of several accounts have one common entry."
        columnDefinitions={[
          { id: "sequence", header: "Entry", cell: (one) => one.sequence, isRowHeader: true },
          { id: "at", header: "When", cell: (one) => <Timestamp at={one.at} /> },
          { id: "action", header: "Action", cell: (one) => nameAction(one.action) },
          { id: "phase", header: "Intent or outcome", cell: (one) => <EntryPhase entry={one} /> },
          { id: "actor", header: "By", cell: (one) => one.actor.name },
        ]}
      />
      {found.hasNextPage && (
        <Button loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more entries
        </Button>
      )}
    </SpaceBetween>
  );
}
