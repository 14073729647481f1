/** The ledger's entries of one account, the oldest first as they were chained. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import { nameAction } from "../ledger/entries";
import { Phase } from "../ledger/Phase";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Empty } from "../tables/Empty";
import { Moment } from "../times/Moment";

const FIRST = 0;

export function LedgerTab({ accountId }: { accountId: string }) {
  const found = useInfiniteQuery({
    queryKey: ["ledger", "account", accountId],
    queryFn: ({ pageParam }) =>
      ask(api.GET("/api/v1/ledger", { params: { query: { account_id: accountId, after: pageParam, limit: 50 } } })),
    initialPageParam: FIRST,
    getNextPageParam: (page) => (page.next === null ? undefined : Number(page.next)),
  });
  return (
    <SpaceBetween size="s">
      <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />
      <Table
        variant="embedded"
        ariaLabels={{ tableLabel: "Ledger of the account" }}
        items={found.data?.pages.flatMap((page) => page.entries) ?? []}
        trackBy={(one) => String(one.sequence)}
        loading={found.isPending}
        loadingText="Loading the ledger"
        empty={
          <Empty error={found.error}>
            The ledger has no entry of this account alone: nothing was changed in it from here. Audits name their accounts together.
          </Empty>
        }
        columnDefinitions={[
          { id: "sequence", header: "Entry", cell: (one) => one.sequence, isRowHeader: true },
          { id: "at", header: "When", cell: (one) => <Moment at={one.at} /> },
          { id: "action", header: "Action", cell: (one) => nameAction(one.action) },
          { id: "phase", header: "Intent or outcome", cell: (one) => <Phase entry={one} /> },
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
