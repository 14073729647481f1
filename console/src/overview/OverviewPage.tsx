/** What is on and what is missing, what is left to secure, what is open, and what has changed. */
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { Overview } from "../api/records";
import { useMe } from "../api/queries";
import { useFollow } from "../shell/links";
import { Headed } from "../shell/Headed";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Changes } from "./Changes";
import { OpenWindows } from "./OpenWindows";
import { RootLogins } from "./RootLogins";
import { SetUpState } from "./SetUpState";
import { maySetUp } from "./set-up";
import { Story } from "./Story";

const READ_AGAIN_MILLISECONDS = 15_000;

export default function OverviewPage() {
  const follow = useFollow();
  const { data: me } = useMe();
  const overview = useQuery({
    queryKey: ["overview"],
    queryFn: () => ask(api.GET("/api/v1/overview")),
    refetchInterval: READ_AGAIN_MILLISECONDS,
  });
  return (
    <Headed
      title="Overview"
      description={describeOrganization(overview.data)}
      actions={
        maySetUp(me) && (
          <Button href="/set-up" onFollow={follow}>
            Set up
          </Button>
        )
      }
    >
      <SpaceBetween size="l">
        <ProblemAlert error={overview.error} onRetry={() => void overview.refetch()} />
        <Story />
        {overview.data && <Contents overview={overview.data} />}
        {overview.isPending && <Skeleton height="20rem" />}
      </SpaceBetween>
    </Headed>
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
      <Changes overview={overview} />
    </SpaceBetween>
  );
}
