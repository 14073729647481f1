/** The result of each account of a deletion. */
import Header from "@cloudscape-design/components/header";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { isFinished, useResults } from "../api/jobs";
import type { AccountResult, Job, KindResult, PlannedAccount } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { AccountName } from "../organization/AccountField";
import { KIND_NAMES, STATUSES } from "../organization/statuses";
import { FittedTable } from "../tables/FittedTable";
import { QueryTable } from "../tables/QueryTable";
import { useCursorPages, usePages } from "../tables/pages";
import { type AccountOutcome, summarizeResult } from "./plans";
import { AccountLabel } from "./PlanTables";

interface ResultTableProps {
  targets: readonly PlannedAccount[];
  results: ReadonlyMap<string, AccountResult>;
  isFinished: boolean;
}

export function ResultTable({ targets, results, isFinished }: ResultTableProps) {
  const rankOf = (one: PlannedAccount) => OUTCOMES[summarizeResult(results.get(one.account_id))].rank;
  const ordered = [...targets].sort((one, other) => rankOf(one) - rankOf(other));
  const pages = usePages(ordered);
  return (
    <FittedTable
      items={pages.shown}
      pagination={pages.control}
      trackBy="account_id"
      wrapLines
      ariaLabels={{ tableLabel: "Results by account" }}
      header={
        <Header variant="h2" counter={`(${targets.length.toLocaleString()})`}>
          Accounts
        </Header>
      }
      columnDefinitions={[
        { id: "account", header: "Account", cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
        { id: "place", header: "Organizational unit", cell: (one) => <BreakableText>{one.ou_path}</BreakableText> },
        { id: "outcome", header: "Outcome", cell: (one) => <AccountOutcomeLabel result={results.get(one.account_id)} isFinished={isFinished} /> },
        { id: "kinds", header: "Credentials", cell: (one) => <KindOutcomes result={results.get(one.account_id)} /> },
      ]}
    />
  );
}

const OUTCOMES: { readonly [outcome in AccountOutcome]: { type: StatusIndicatorProps.Type; label: string; rank: number } } = {
  failed: { type: "error", label: "Failed", rank: 0 },
  deleted: { type: "success", label: "Deleted", rank: 1 },
  already_absent: { type: "success", label: "Already absent", rank: 2 },
  waiting: { type: "pending", label: "Waiting", rank: 3 },
};

const KIND_OUTCOMES: { [outcome in KindResult["outcome"]]: string } = {
  already_absent: "already absent",
  deleted: "deleted",
  failed: "failed",
  skipped: "skipped",
};

interface OutcomeProps {
  result: AccountResult | undefined;
  /** Whether the deletion is finished. */
  isFinished: boolean;
}

function AccountOutcomeLabel({ result, isFinished }: OutcomeProps) {
  const { type, label } = OUTCOMES[summarizeResult(result)];
  if (!result && isFinished) return <StatusIndicator type="stopped">Not begun</StatusIndicator>;
  return <StatusIndicator type={type}>{label}</StatusIndicator>;
}

function KindOutcomes({ result }: { result: AccountResult | undefined }) {
  if (!result) return <>–</>;
  if (result.skip) {
    const word = result.skip.reason === "recently_used" ? "Held back" : "Skipped";
    return (
      <>
        {word}: {result.skip.detail}
      </>
    );
  }
  const changed = result.kinds.filter((one) => one.outcome !== "already_absent");
  if (changed.length === 0) return <>–</>;
  return (
    <ul className="plain">
      {changed.map((one) => (
        <li key={one.kind}>
          {KIND_NAMES[one.kind]}: {KIND_OUTCOMES[one.outcome]}
          {one.detail && `. ${one.detail}`}
        </li>
      ))}
    </ul>
  );
}

export function JobResults({ job }: { job: Job }) {
  const pages = useCursorPages();
  const results = useResults(job.job_id, !isFinished(job), pages.after);
  return (
    <QueryTable
      query={results}
      variant="container"
      trackBy="account_id"
      items={results.data?.results}
      loadingText="Loading results"
      wrapLines
      ariaLabels={{ tableLabel: "Results by account" }}
      header={
        <Header variant="h2" counter={results.data?.total === undefined ? undefined : `(${results.data.total.toLocaleString()})`}>
          Results by account
        </Header>
      }
      empty={isFinished(job) ? "The deletion processed no accounts." : "No results yet."}
      pagination={pages.control(results.data?.next, results.data?.total)}
      columnDefinitions={[
        { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, isRowHeader: true },
        { id: "outcome", header: "Outcome", cell: (one) => <AccountOutcomeLabel result={one} isFinished={isFinished(job)} /> },
        { id: "kinds", header: "Credentials", cell: (one) => <KindOutcomes result={one} /> },
        { id: "status", header: "Status after deletion", cell: (one) => <StatusAfter one={one} /> },
      ]}
    />
  );
}

function StatusAfter({ one }: { one: AccountResult }) {
  const known = STATUSES.find(({ status }) => status === one.status);
  return known ? <StatusIndicator type={known.type}>{known.label}</StatusIndicator> : <>–</>;
}
