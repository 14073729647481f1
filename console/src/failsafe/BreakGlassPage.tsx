/** The break-glass page: which access remains without Identity Center, and who can open root sessions today. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { api, unwrap } from "../api/client";
import type { BreakglassChecks, RootSessionCaller, WayIn } from "../api/records";
import { PageFrame } from "../components/PageFrame";
import { VerdictIndicator } from "../components/verdicts";
import { AccountName } from "../organization/AccountField";
import { usePages } from "../tables/pages";
import { EmptyText } from "../tables/QueryTable";
import { CheckResult, useCheckJob } from "./CheckJob";
import { CheckTable } from "./CheckTable";

const NO_CHECK = "Break-glass access wasn't checked yet. A check reads who can open root sessions, and which access remains without Identity Center.";

export default function BreakGlassPage() {
  const check = useCheckJob("breakglass_check", "Check access", () => unwrap(api.POST("/api/v1/breakglass-checks")));
  return (
    <PageFrame
      title="Break-glass access"
      description="Who can open root sessions today, and which access remains when Identity Center or the identity provider fails. What this server's credentials can't read is Unknown; the check says who can read it."
      actions={check.button}
    >
      <CheckResult<BreakglassChecks> check={check} empty={NO_CHECK}>
        {(found) => (
          <SpaceBetween size="l">
            <WaysIn waysIn={found.ways_in} />
            <CheckTable checks={found.checks} observedAt={found.observed_at} />
            <Callers callers={found.openers} />
          </SpaceBetween>
        )}
      </CheckResult>
    </PageFrame>
  );
}

function WaysIn({ waysIn }: { waysIn: readonly WayIn[] }) {
  return (
    <Table
      items={waysIn}
      trackBy={(one) => `${one.account_id} ${one.name}`}
      wrapLines
      ariaLabels={{ tableLabel: "Ways in without Identity Center" }}
      header={
        <Header variant="h2" counter={`(${waysIn.length})`} description="Each is a way to a root session that needs no identity provider.">
          Ways in without Identity Center
        </Header>
      }
      empty={<EmptyText>None is known. Set up the root login of a failsafe, or create an IAM user with MFA that can open root sessions.</EmptyText>}
      columnDefinitions={[
        { id: "name", header: "Sign-in", cell: (one) => one.name, isRowHeader: true, minWidth: 150 },
        { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, minWidth: 150 },
        { id: "verdict", header: "Verdict", cell: (one) => <VerdictIndicator verdict={one.verdict} />, minWidth: 130 },
        { id: "evidence", header: "Evidence", cell: (one) => one.evidence, minWidth: 240 },
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

function Callers({ callers }: { callers: readonly RootSessionCaller[] }) {
  const pages = usePages(callers);
  return (
    <Table
      items={pages.shown}
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
          <AccountName accountId={one.account_id} />
        </Box>
      </>
    ),
    isRowHeader: true,
    minWidth: 170,
  },
  { id: "kind", header: "Kind", cell: (one) => KINDS[one.kind], minWidth: 105 },
  ...TASKS.map(({ task, title }) => ({ id: task, header: title, cell: (one: RootSessionCaller) => ANSWERS[one.tasks[task]], minWidth: 78 })),
  { id: "people", header: "People", cell: describePeople, minWidth: 140 },
  { id: "conditions", header: "Conditions", cell: (one) => one.conditions.join(", ") || "–", minWidth: 105 },
];

function describePeople({ people, people_complete }: RootSessionCaller): string {
  const names = people.join(", ");
  if (people_complete) return names || "–";
  return names ? `${names} (not complete)` : "Unknown: not read";
}
