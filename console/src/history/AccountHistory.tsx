/** The history of one account, the newest first: audits, deletions, windows and root events. */
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, unwrap } from "../api/client";
import type { PastEntry } from "../api/records";
import { QueryTable } from "../tables/QueryTable";
import { usePages } from "../tables/pages";
import { Timestamp } from "../times/Timestamp";
import { AccountTimeline } from "./AccountTimeline";

export function AccountHistory({ accountId }: { accountId: string }) {
  const found = useQuery({
    queryKey: ["history", accountId],
    queryFn: () =>
      unwrap(api.GET("/api/v1/history/{account_id}", { params: { path: { account_id: accountId } } })),
  });
  const entries = useMemo(() => [...(found.data?.entries ?? [])].reverse(), [found.data]);
  const pages = usePages(entries);
  return (
    <SpaceBetween size="m">
      {found.data && <AccountTimeline history={found.data} />}
      <QueryTable
        query={found}
        variant="embedded"
        ariaLabels={{ tableLabel: "History of the account" }}
        items={pages.shown}
        pagination={pages.control}
        loadingText="Loading the history"
        empty="No history. It starts with the first audit of the account."
        wrapLines
        columnDefinitions={[
          { id: "at", header: "When", width: 135, minWidth: 120, cell: (one) => <Timestamp at={one.at} /> },
          { id: "what", header: "Event", minWidth: 160, cell: (one) => <PastEvent entry={one} />, isRowHeader: true },
        ]}
      />
    </SpaceBetween>
  );
}

/** One event with its details below it: a side panel has no room for more columns. */
function PastEvent({ entry }: { entry: PastEntry }) {
  const remarks = [entry.actor && `By ${entry.actor}`, entry.reference].filter(Boolean).join(" · ");
  return (
    <>
      <EventLabel entry={entry} />
      {entry.detail && <Box fontSize="body-s">{entry.detail}</Box>}
      {remarks && (
        <Box fontSize="body-s" color="text-body-secondary">
          {remarks}
        </Box>
      )}
    </>
  );
}

function EventLabel({ entry }: { entry: PastEntry }) {
  const label = `${entry.kind}: ${entry.what.replaceAll("_", " ")}`;
  return entry.alarming ? <StatusIndicator type="warning">{label}</StatusIndicator> : <>{label}</>;
}
