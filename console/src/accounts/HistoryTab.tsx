/** One account's past, the newest first: audits, deletions, windows and root events. */
import Table from "@cloudscape-design/components/table";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ask, api } from "../api/client";
import type { PastEntry } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { usePages } from "../tables/pages";
import { Moment } from "../times/Moment";

export function HistoryTab({ accountId }: { accountId: string }) {
  const found = useQuery({
    queryKey: ["history", accountId],
    queryFn: () =>
      ask(api.GET("/api/v1/history/{account_id}", { params: { path: { account_id: accountId } } })),
  });
  const entries = useMemo(() => [...(found.data?.entries ?? [])].reverse(), [found.data]);
  const pages = usePages(entries);
  if (found.error) return <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <Table
      variant="embedded"
      ariaLabels={{ tableLabel: "History of the account" }}
      items={pages.shown}
      pagination={pages.control}
      loading={found.isPending}
      loadingText="Loading the history"
      empty="Nothing is known of this account's past: its first audit begins it."
      wrapLines
      columnDefinitions={[
        { id: "at", header: "When", minWidth: 150, cell: (one) => <Moment at={one.at} /> },
        { id: "what", header: "What", minWidth: 190, cell: (one) => <What entry={one} />, isRowHeader: true },
        { id: "detail", header: "Details", minWidth: 220, cell: (one) => one.detail || "–" },
        { id: "actor", header: "By", cell: (one) => one.actor ?? "–" },
        { id: "reference", header: "Reference", minWidth: 140, cell: (one) => one.reference },
      ]}
    />
  );
}

function What({ entry }: { entry: PastEntry }) {
  const words = `${entry.kind}: ${entry.what.replaceAll("_", " ")}`;
  return entry.alarming ? <StatusIndicator type="warning">{words}</StatusIndicator> : <>{words}</>;
}
