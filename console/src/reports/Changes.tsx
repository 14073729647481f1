/** What changed between two audits, account by account. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Skeleton from "@cloudscape-design/components/skeleton";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ChangedAccount, Comparison, StatusThen } from "../api/records";
import { STATUSES } from "../overview/statuses";
import { ProblemAlert } from "../shell/ProblemAlert";
import { usePages } from "../tables/pages";
import { Moment } from "../times/Moment";
import { useComparison } from "./audits";

const PAGE_SIZE = 50;
const CHANGES = { changed: "Changed", joined: "Joined", left: "Left" } as const;
const KIND_CHANGES = {
  appeared: "appeared",
  gone: "gone",
  read: "read for the first time",
  replaced: "replaced",
  unread: "not read any more",
} as const;

export function Changes({ older, newer }: { older: string; newer: string }) {
  const compared = useComparison(older, newer);
  if (compared.error) return <ProblemAlert error={compared.error} onRetry={() => void compared.refetch()} />;
  if (!compared.data) return <Skeleton height="10rem" />;
  return <ChangeTable key={`${older} ${newer}`} comparison={compared.data} />;
}

function ChangeTable({ comparison }: { comparison: Comparison }) {
  const { accounts } = comparison;
  const pages = usePages(accounts, PAGE_SIZE);
  return (
    <Table
      variant="container"
      trackBy="account_id"
      items={pages.shown}
      wrapLines
      ariaLabels={{ tableLabel: "What changed" }}
      header={
        <Header variant="h2" counter={`(${accounts.length.toLocaleString()})`} description={<Summary comparison={comparison} />}>
          What changed
        </Header>
      }
      empty={<Box textAlign="center">Nothing changed in the accounts that both audits read.</Box>}
      pagination={pages.control}
      columnDefinitions={COLUMNS}
    />
  );
}

function Summary({ comparison }: { comparison: Comparison }) {
  const { older, newer, summary } = comparison;
  return (
    <>
      From <Moment at={older.ended_at ?? older.started_at} /> to <Moment at={newer.ended_at ?? newer.started_at} />:{" "}
      {summary.changed.toLocaleString()} changed, {summary.joined.toLocaleString()} joined, {summary.left.toLocaleString()} left,{" "}
      {summary.unchanged.toLocaleString()} as before, {summary.not_compared.toLocaleString()} that can't be compared.
    </>
  );
}

const COLUMNS: TableProps.ColumnDefinition<ChangedAccount>[] = [
  { id: "account", header: "Account", cell: (one) => `${one.name} (${one.account_id})`, isRowHeader: true },
  { id: "change", header: "Change", cell: (one) => CHANGES[one.change] },
  { id: "before", header: "Before", cell: (one) => <StatusOf found={one.before} /> },
  { id: "after", header: "After", cell: (one) => <StatusOf found={one.after} /> },
  { id: "credentials", header: "Credentials", cell: describeCredentials },
];

function StatusOf({ found }: { found: StatusThen | null }) {
  const known = STATUSES.find(({ status }) => status === found?.status);
  if (!found || !known) return <>–</>;
  return (
    <StatusIndicator type={known.type}>
      {known.words}
      {found.reason ? `: ${found.reason.replaceAll("_", " ")}` : ""}
    </StatusIndicator>
  );
}

function describeCredentials(one: ChangedAccount): string {
  if (one.credentials.length === 0) return "–";
  return one.credentials.map(({ kind, change }) => `${kind.replaceAll("_", " ")} ${KIND_CHANGES[change]}`).join(", ");
}
