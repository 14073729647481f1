/** The overview page: set-up, root logins left to secure, open windows and changes. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useNavigate } from "react-router";
import { hasPermission, useMe } from "../api/queries";
import { useAudit } from "../audit/AuditProgress";
import type { KeptAudit, Overview, StatusCounts } from "../api/records";
import { useFollowLink } from "../components/links";
import { FACT_PIXELS, PageFrame, QueryProblem } from "../components/PageFrame";
import { STATUSES } from "../organization/statuses";
import { canChangeSetup } from "../setup/SetUpFields";
import { SetUpState } from "../setup/SetUpState";
import { RelativeTime } from "../times/Timestamp";
import { OpenWindows } from "../windows/WindowsPage";
import { GuidedStory } from "./GuidedStory";
import { Trend } from "./Trend";
import { useOverview } from "./overview";
import { WaitingForYou } from "./WaitingForYou";

export default function OverviewPage() {
  const follow = useFollowLink();
  const { data: me } = useMe();
  const overview = useOverview();
  return (
    <PageFrame
      title="Overview"
      description={describeOrganization(overview.data)}
      actions={
        canChangeSetup(me) && (
          <Button href="/set-up" onFollow={follow}>
            Change set-up
          </Button>
        )
      }
    >
      <SpaceBetween size="l">
        <QueryProblem query={overview} />
        <GuidedStory />
        {overview.data && <Contents overview={overview.data} />}
        {overview.isPending && <Skeleton height="20rem" />}
      </SpaceBetween>
    </PageFrame>
  );
}

function describeOrganization(overview: Overview | undefined): string | undefined {
  if (!overview) return undefined;
  const account = overview.management_account_id;
  return `Organization ${overview.organization_id}${account ? `, management account ${account}` : ""}`;
}

function Contents({ overview }: { overview: Overview }) {
  return (
    <SpaceBetween size="l">
      <WaitingForYou overview={overview} />
      <ColumnLayout columns={2}>
        <RootLogins overview={overview} />
        <SetUpState overview={overview} />
      </ColumnLayout>
      <OpenWindows windows={overview.windows} />
      <LastAudit overview={overview} />
      <Trend />
    </SpaceBetween>
  );
}

function RootLogins({ overview }: { overview: Overview }) {
  return (
    <Container fitHeight header={<Header variant="h2">Root logins</Header>}>
      <SpaceBetween size="m">
        <Headline overview={overview} />
        {overview.last_audit ? <StatusCountList summary={overview.summary} /> : <FirstAudit />}
      </SpaceBetween>
    </Container>
  );
}

/** The line that every interface shows: the known ones alone would hide the unknown ones. */
function Headline({ overview }: { overview: Overview }) {
  const follow = useFollowLink();
  const { root_logins_left_to_secure: left, summary } = overview;
  if (summary.accounts === 0) return <Box variant="h3">{left.headline}</Box>;
  return (
    <div>
      <Box variant="h3">
        Root logins left to secure:{" "}
        <Link variant="primary" fontSize="inherit" href="/accounts?left=known" onFollow={follow}>
          {`${left.known.toLocaleString()}\u00a0known`}
        </Link>
        ,{" "}
        <Link variant="primary" fontSize="inherit" href="/accounts?left=unknown" onFollow={follow}>
          {`${left.unknown.toLocaleString()}\u00a0unknown`}
        </Link>
        ,{" "}
        <Link variant="primary" fontSize="inherit" href="/accounts?left=unread" onFollow={follow}>
          {`${left.unread.toLocaleString()}\u00a0unread`}
        </Link>
      </Box>
      <Box color="text-body-secondary">
        {describeArithmetic(overview)} The management account and failsafes count until their root logins are in order.
      </Box>
    </div>
  );
}

/** Such as "284 members + management account = 285 accounts." */
function describeArithmetic({ summary, management_account_id: management }: Overview): string {
  const all = summary.accounts;
  if (management === null) return `${all.toLocaleString()} accounts.`;
  return `${(all - 1).toLocaleString()} members + management account = ${all.toLocaleString()} accounts.`;
}

/** Every number leads to exactly the accounts that it counts. */
function StatusCountList({ summary }: { summary: StatusCounts }) {
  const follow = useFollowLink();
  return (
    <SpaceBetween size="xs">
      {STATUSES.map(({ status, type, label }) => (
        <div key={status}>
          <StatusIndicator type={type}>{label}</StatusIndicator>{" "}
          <Link href={`/accounts?status=${status}`} onFollow={follow} ariaLabel={`${label}: ${summary[status]} accounts`}>
            {summary[status].toLocaleString()}
          </Link>
        </div>
      ))}
    </SpaceBetween>
  );
}

function FirstAudit() {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const audit = useAudit();
  if (!hasPermission(me, "accounts:audit")) return <Box>Ask an auditor, operator or administrator to run an audit.</Box>;
  const start = () => {
    audit.start(null);
    void navigate("/accounts");
  };
  return (
    <SpaceBetween size="s">
      <Box>No account was read yet. An audit changes nothing in AWS.</Box>
      <Button variant="primary" disabled={audit.isRunning} disabledReason="An audit is running." loading={audit.isStarting} onClick={start}>
        Audit now
      </Button>
    </SpaceBetween>
  );
}

function LastAudit({ overview }: { overview: Overview }) {
  const { last_audit: audit, drift } = overview;
  return (
    <Container header={<Header variant="h2">Last audit and changes</Header>}>
      <KeyValuePairs
        columns={4} minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Last audit", value: <RelativeTime at={audit?.ended_at ?? audit?.started_at} /> },
          { label: "Requested by", value: audit?.requested_by ?? "–" },
          { label: "Scope", value: audit ? <AuditScope audit={audit} /> : "–" },
          { label: "Changes since the previous audit", value: <Drift drift={drift} /> },
        ]}
      />
    </Container>
  );
}

/** An audit of the whole organization doesn't mean that every account could be read. */
function AuditScope({ audit }: { audit: KeptAudit }) {
  const extent = audit.complete ? "Whole organization" : "Part of the organization";
  const unknown = audit.summary.unknown ?? 0;
  if (unknown > 0) return <StatusIndicator type="warning">{`${extent}; ${unknown.toLocaleString()} unknown`}</StatusIndicator>;
  return <StatusIndicator type={audit.complete ? "success" : "info"}>{extent}</StatusIndicator>;
}

function Drift({ drift }: { drift: Overview["drift"] }) {
  if (!drift) return <>No previous audit</>;
  const count = drift.changed + drift.joined + drift.left;
  const { not_compared: unknown } = drift;
  if (count === 0 && unknown === 0) return <StatusIndicator type="success">No changes</StatusIndicator>;
  const known = count === 0 ? "No known changes" : `${drift.changed} changed, ${drift.joined} joined, ${drift.left} left`;
  return <StatusIndicator type="warning">{unknown === 0 ? known : `${known}; ${unknown} not comparable`}</StatusIndicator>;
}
