/** What came of each account of a deletion, also while it goes on. What an audit finds, the accounts show. */
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { isOver } from "../api/job-events";
import type { Job } from "../api/records";
import { STATUSES } from "../overview/statuses";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useCursorPages } from "../tables/cursor-pages";
import { Empty } from "../tables/Empty";
import { AccountName } from "../windows/AccountName";
import { useResults, type AccountResult } from "./outcomes";

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
          { id: "status", header: "Status after it", cell: (one) => <StatusOf one={one} /> },
          { id: "kinds", header: "Credentials", cell: (one) => <Kinds one={one} /> },
          { id: "detail", header: "Detail", cell: describeDetail },
        ]}
      />
    </SpaceBetween>
  );
}

function StatusOf({ one }: { one: AccountResult }) {
  const known = STATUSES.find(({ status }) => status === one.status);
  if (!known) return <>{one.status ?? "–"}</>;
  return (
    <StatusIndicator type={known.type}>
      {known.words}
      {one.reason ? `: ${one.reason.replaceAll("_", " ")}` : ""}
    </StatusIndicator>
  );
}

const OUTCOMES: { [outcome: string]: { type: StatusIndicatorProps.Type; words: string } } = {
  deleted: { type: "success", words: "deleted" },
  already_absent: { type: "success", words: "not there any more" },
  failed: { type: "error", words: "failed" },
  skipped: { type: "stopped", words: "skipped" },
};

function Kinds({ one }: { one: AccountResult }) {
  if (!one.kinds?.length) return <>–</>;
  return (
    <SpaceBetween size="xxs">
      {one.kinds.map((kind) => (
        <StatusIndicator key={kind.kind} type={OUTCOMES[kind.outcome]?.type ?? "info"}>
          {`${kind.kind.replaceAll("_", " ")}: ${OUTCOMES[kind.outcome]?.words ?? kind.outcome}`}
          {kind.detail ? `. ${kind.detail}` : ""}
        </StatusIndicator>
      ))}
    </SpaceBetween>
  );
}

function describeDetail(one: AccountResult): string {
  return one.skip?.detail || one.detail || "–";
}
