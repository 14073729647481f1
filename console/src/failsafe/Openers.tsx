/** Which access remains without Identity Center, and who can open root sessions today. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import { type TableProps } from "@cloudscape-design/components/table";
import type { RootSessionCaller, WayIn } from "../api/records";
import { VerdictIndicator } from "../components/verdicts";
import { AccountName } from "../organization/AccountField";
import { FittedTable } from "../tables/FittedTable";
import { usePages } from "../tables/pages";
import { EmptyText } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { usePrinting } from "./printing";

export function WaysIn({ waysIn, observedAt }: { waysIn: readonly WayIn[]; observedAt: string }) {
  return (
    <FittedTable
      items={waysIn}
      trackBy={(one) => `${one.account_id} ${one.name}`}
      wrapLines
      ariaLabels={{ tableLabel: "Ways in without Identity Center" }}
      header={
        <Header
          variant="h2"
          counter={`(${waysIn.length})`}
          description={
            <>
              Each is a way to a root session that needs no identity provider. As of <Timestamp at={observedAt} />.
            </>
          }
        >
          Ways in without Identity Center
        </Header>
      }
      empty={<EmptyText>None is known. Set up the root login of a failsafe, or create an IAM user with MFA that can open root sessions.</EmptyText>}
      columnDefinitions={[
        { id: "name", header: "Sign-in", cell: (one) => one.name, isRowHeader: true, minWidth: 150 },
        { id: "verdict", header: "Verdict", cell: (one) => <VerdictIndicator verdict={one.verdict} />, minWidth: 130 },
        { id: "evidence", header: "Evidence", cell: (one) => one.evidence, minWidth: 240 },
        { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, minWidth: 150 },
      ]}
    />
  );
}

type Task = keyof RootSessionCaller["tasks"];

const TASKS: readonly { task: Task; title: string }[] = [
  { task: "IAMAuditRootUserCredentials", title: "Audit" },
  { task: "IAMCreateRootUserPassword", title: "Recover" },
  { task: "IAMDeleteRootUserCredentials", title: "Delete" },
  { task: "S3UnlockBucketPolicy", title: "Unlock S3" },
  { task: "SQSUnlockQueuePolicy", title: "Unlock SQS" },
];
const ANSWERS: { readonly [verdict in RootSessionCaller["tasks"][Task]]: string } = {
  allowed: "Can",
  blocked: "Can't",
  depends: "Depends",
  unknown: "Unknown",
};
const KINDS: { readonly [kind in RootSessionCaller["kind"]]: string } = {
  permission_set: "Permission set",
  role: "Role",
  user: "IAM user",
};

export function Callers({ callers }: { callers: readonly RootSessionCaller[] }) {
  const pages = usePages(callers);
  const isPrinting = usePrinting();
  return (
    <FittedTable
      items={isPrinting ? callers : pages.shown}
      trackBy={(one) => `${one.account_id} ${one.arn}`}
      wrapLines
      ariaLabels={{ tableLabel: "Principals that can open root sessions" }}
      header={
        <Header variant="h2" counter={`(${callers.length})`} description="As far as this server's credentials could read. The checks name what is missing.">
          Principals that can open root sessions
        </Header>
      }
      pagination={pages.control}
      empty={<EmptyText>None that could be read. The checks say who can read more.</EmptyText>}
      columnDefinitions={CALLER_COLUMNS}
    />
  );
}

const CALLER_COLUMNS: TableProps.ColumnDefinition<RootSessionCaller>[] = [
  {
    id: "name",
    header: "Name and account",
    cell: (one) => (
      <>
        {one.name}
        <Box color="text-body-secondary">
          {KINDS[one.kind]} in <AccountName accountId={one.account_id} />
        </Box>
      </>
    ),
    isRowHeader: true,
    minWidth: 170,
  },
  ...TASKS.map(({ task, title }) => ({ id: task, header: title, cell: (one: RootSessionCaller) => ANSWERS[one.tasks[task]], minWidth: 78 })),
  { id: "people", header: "People", cell: describePeople, minWidth: 140 },
  { id: "conditions", header: "Conditions", cell: (one) => one.conditions.join(", ") || "–", minWidth: 105 },
];

function describePeople({ people, people_complete }: RootSessionCaller): string {
  const names = people.join(", ");
  if (people_complete) return names || "–";
  return names ? `${names} (not complete)` : "Unknown: not read";
}
