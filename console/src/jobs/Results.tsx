/** What came of each account of a deletion, also while it goes on. What an audit finds, the accounts show. */
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { Kinds, Outcome } from "../accounts/delete/AccountOutcome";
import { isOver } from "../api/job-events";
import type { AccountResult, Job } from "../api/records";
import { STATUSES } from "../overview/statuses";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useCursorPages } from "../tables/cursor-pages";
import { Empty } from "../tables/Empty";
import { AccountName } from "../windows/AccountName";
import { useResults } from "./outcomes";

export function Results({ job }: { job: Job }) {
  const pages = useCursorPages();
  const results = useResults(job.job_id, !isOver(job), pages.after);
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={results.error} onRetry={() => void results.refetch()} />
      <Table
        variant="container"
        trackBy="account_id"
        items={results.data?.results ?? []}
        loading={results.isPending}
        loadingText="Loading results"
        wrapLines
        ariaLabels={{ tableLabel: "Results by account" }}
        header={
          <Header variant="h2" counter={results.data?.total === undefined ? undefined : `(${results.data.total.toLocaleString()})`}>
            Results by account
          </Header>
        }
        empty={<Empty error={results.error}>{isOver(job) ? "It dealt with no account." : "No account is done yet."}</Empty>}
        pagination={pages.control(results.data?.next)}
        columnDefinitions={[
          { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, isRowHeader: true },
          { id: "outcome", header: "Outcome", cell: (one) => <Outcome result={one} isOver={isOver(job)} /> },
          { id: "kinds", header: "Each kind", cell: (one) => <Kinds result={one} /> },
          { id: "status", header: "Status after it", cell: (one) => <StatusOf one={one} /> },
        ]}
      />
    </SpaceBetween>
  );
}

function StatusOf({ one }: { one: AccountResult }) {
  const known = STATUSES.find(({ status }) => status === one.status);
  return known ? <StatusIndicator type={known.type}>{known.words}</StatusIndicator> : <>–</>;
}
