/** The overview page: set-up, root logins left to secure, open windows and changes. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { useMe } from "../api/queries";
import type { KeptAudit, Overview, StatusCounts } from "../api/records";
import { useFollowLink } from "../components/links";
import { PageFrame, QueryProblem } from "../components/PageFrame";
import { STATUSES } from "../organization/statuses";
import { canChangeSetup } from "../setup/SetUpFields";
import { SetUpState } from "../setup/SetUpState";
import { RelativeTime } from "../times/Timestamp";
import { OpenWindows } from "../windows/WindowsPage";
import { GuidedStory } from "./GuidedStory";

const REFRESH_MILLISECONDS = 15_000;

export default function OverviewPage() {
  const follow = useFollowLink();
  const { data: me } = useMe();
  const overview = useQuery({
    queryKey: ["overview"],
    queryFn: () => unwrap(api.GET("/api/v1/overview")),
    refetchInterval: REFRESH_MILLISECONDS,
  });
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
      <ColumnLayout columns={2}>
        <RootLogins overview={overview} />
        <SetUpState overview={overview} />
      </ColumnLayout>
      <OpenWindows windows={overview.windows} />
      <LastAudit overview={overview} />
    </SpaceBetween>
  );
}

function RootLogins({ overview }: { overview: Overview }) {
  return (
    <Container fitHeight header={<Header variant="h2">Root logins</Header>}>
      <SpaceBetween size="m">
        <Headline overview={overview} />
        {overview.last_audit && <StatusCountList summary={overview.summary} />}
      </SpaceBetween>
    </Container>
  );
}

/** The line that every interface shows: the known ones alone would hide the unknown ones. */
function Headline({ overview }: { overview: Overview }) {
  const { root_logins_left_to_secure: left, summary } = overview;
  return (
    <div>
      <Box variant="h3">{left.headline}</Box>
      {summary.accounts > 0 && (
        <Box color="text-body-secondary">{`of ${summary.accounts.toLocaleString()} accounts`}</Box>
      )}
    </div>
  );
}

function StatusCountList({ summary }: { summary: StatusCounts }) {
  return (
    <SpaceBetween size="xs">
      {STATUSES.map(({ status, type, label }) => (
        <div key={status}>
          <StatusIndicator type={type}>{label}</StatusIndicator>
          <Box variant="span" fontWeight="bold" margin={{ left: "s" }}>
            {summary[status].toLocaleString()}
          </Box>
        </div>
      ))}
    </SpaceBetween>
  );
}

function LastAudit({ overview }: { overview: Overview }) {
  const { last_audit: audit, drift } = overview;
  return (
    <Container header={<Header variant="h2">Last audit and changes</Header>}>
      <KeyValuePairs
        columns={4}
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
