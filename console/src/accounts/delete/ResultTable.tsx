/** What came of each account of a deletion, the failures first. */
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import type { AccountResult, PlannedAccount } from "../../api/records";
import { usePages } from "../../tables/pages";
import { Kinds, Outcome, OUTCOMES } from "./AccountOutcome";
import { outcomeOf } from "./plans";
import { Named } from "./TargetAccounts";

interface ResultTableProps {
  targets: readonly PlannedAccount[];
  results: ReadonlyMap<string, AccountResult>;
  isOver: boolean;
}

export function ResultTable({ targets, results, isOver }: ResultTableProps) {
  const placeOf = (one: PlannedAccount) => OUTCOMES[outcomeOf(results.get(one.account_id))].place;
  const ordered = [...targets].sort((one, other) => placeOf(one) - placeOf(other));
  const pages = usePages(ordered);
  return (
    <Table
      items={pages.shown}
      pagination={pages.control}
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
  );
}
