/** The checks of one job, the worst first, each with its evidence and what to do. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import { type TableProps } from "@cloudscape-design/components/table";
import { renderHint } from "../api/hints";
import { countVerdicts, VerdictIndicator } from "../components/verdicts";
import { AccountName } from "../organization/AccountField";
import { FittedTable } from "../tables/FittedTable";
import { EmptyText } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { type Check, CHECKS, sortChecks } from "./checks";

interface CheckTableProps {
  title: string;
  checks: readonly Check[];
  observedAt: string;
}

export function CheckTable({ title, checks, observedAt }: CheckTableProps) {
  return (
    <FittedTable
      items={sortChecks(checks)}
      trackBy={(one) => `${one.check} ${one.account_id}`}
      wrapLines
      ariaLabels={{ tableLabel: title }}
      header={
        <Header
          variant="h2"
          counter={`(${checks.length})`}
          description={
            <>
              {countVerdicts(checks)}, as of <Timestamp at={observedAt} />.
            </>
          }
        >
          {title}
        </Header>
      }
      empty={<EmptyText>Nothing was checked.</EmptyText>}
      columnDefinitions={COLUMNS}
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<Check>[] = [
  { id: "check", header: "Check", cell: (one) => CHECKS[one.check], isRowHeader: true, minWidth: 150 },
  { id: "verdict", header: "Verdict", cell: (one) => <VerdictIndicator verdict={one.verdict} />, minWidth: 130 },
  {
    id: "evidence",
    header: "Evidence and next step",
    cell: (one) => (
      <>
        {one.evidence}
        {one.hint !== null && <Box color="text-body-secondary">{renderHint(one.hint, one.hint_code, one.hint_facts)}</Box>}
      </>
    ),
    minWidth: 260,
  },
  { id: "account", header: "Account", cell: (one) => (one.account_id === null ? "–" : <AccountName accountId={one.account_id} />), minWidth: 150 },
];
