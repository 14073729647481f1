/** What came of each account of a deletion, the failures first. */
import Header from "@cloudscape-design/components/header";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { KIND_WORDS } from "../flags";
import { Paged } from "../Paged";
import { outcomeOf, type AccountOutcome, type AccountResult, type KindResult, type PlannedAccount } from "./plans";
import { Named } from "./TargetAccounts";

interface ResultTableProps {
  targets: readonly PlannedAccount[];
  results: ReadonlyMap<string, AccountResult>;
  isOver: boolean;
}

const OUTCOMES: { [outcome in AccountOutcome]: { type: StatusIndicatorProps.Type; words: string; place: number } } = {
  failed: { type: "error", words: "Failed or not proven", place: 0 },
  deleted: { type: "success", words: "Deleted, re-read", place: 1 },
  already_absent: { type: "success", words: "Gone already", place: 2 },
  waiting: { type: "pending", words: "Waits", place: 3 },
};

const KIND_OUTCOMES: { [outcome in KindResult["outcome"]]: string } = {
  already_absent: "none there",
  deleted: "deleted",
  failed: "failed",
  skipped: "left alone",
};

export function ResultTable({ targets, results, isOver }: ResultTableProps) {
  const placeOf = (one: PlannedAccount) => OUTCOMES[outcomeOf(results.get(one.account_id))].place;
  const ordered = [...targets].sort((one, other) => placeOf(one) - placeOf(other));
  return (
    <Paged items={ordered}>
      {(page) => (
        <Table
          items={page}
          trackBy="account_id"
          wrapLines
          ariaLabels={{ tableLabel: "What came of each account" }}
          header={
            <Header variant="h2" counter={`(${targets.length.toLocaleString()})`}>
              Accounts
            </Header>
          }
          columnDefinitions={[
            { id: "account", header: "Account", cell: (one) => <Named account={one} />, isRowHeader: true },
            { id: "place", header: "Place", cell: (one) => one.ou_path },
            { id: "outcome", header: "Outcome", cell: (one) => <Outcome result={results.get(one.account_id)} isOver={isOver} /> },
            { id: "kinds", header: "Each kind", cell: (one) => <Kinds result={results.get(one.account_id)} /> },
          ]}
        />
      )}
    </Paged>
  );
}

function Outcome({ result, isOver }: { result: AccountResult | undefined; isOver: boolean }) {
  const { type, words } = OUTCOMES[outcomeOf(result)];
  if (!result && isOver) return <StatusIndicator type="stopped">Not begun</StatusIndicator>;
  return <StatusIndicator type={type}>{words}</StatusIndicator>;
}

function Kinds({ result }: { result: AccountResult | undefined }) {
  if (!result) return <>–</>;
  if (result.skip) return <>Left alone: {result.skip.detail}</>;
  const told = result.kinds.filter((one) => one.outcome !== "already_absent");
  if (told.length === 0) return <>–</>;
  return (
    <ul className="plain">
      {told.map((one) => (
        <li key={one.kind}>
          {KIND_WORDS[one.kind]}: {KIND_OUTCOMES[one.outcome]}
          {one.detail && `. ${one.detail}`}
        </li>
      ))}
    </ul>
  );
}
