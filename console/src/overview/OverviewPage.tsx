/** The overview page, as the picture of the morning: what waits and what is open, root logins left, units, and what can be done. */
import Button from "@cloudscape-design/components/button";
import Grid, { type GridProps } from "@cloudscape-design/components/grid";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { pageHref } from "../api/place";
import { useMe } from "../api/queries";
import type { Overview } from "../api/records";
import { useFollowLink } from "../components/links";
import { PageFrame, QueryPlaceholder, QueryProblem } from "../components/PageFrame";
import { canChangeSetup } from "../setup/SetUpFields";
import { SetUpState } from "../setup/SetUpState";
import { CredentialAges } from "./CredentialAges";
import { Currency } from "./Currency";
import { GuidedStory } from "./GuidedStory";
import { OpenWindows } from "./OpenWindows";
import { useOverview, usePicture } from "./overview";
import { RootLogins } from "./RootLogins";
import { SafeToDelete } from "./SafeToDelete";
import { Units } from "./Units";
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
          <Button href={pageHref("/set-up")} onFollow={follow}>
            Change set-up
          </Button>
        )
      }
    >
      <SpaceBetween size="l">
        <QueryProblem query={overview} />
        {overview.data && <FirstThings overview={overview.data} />}
        <GuidedStory />
        {overview.data && <Picture overview={overview.data} />}
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

const HALVES: GridProps.ElementDefinition[] = [{ colspan: { default: 12, s: 6 } }, { colspan: { default: 12, s: 6 } }];
const WIDE_AND_NARROW: GridProps.ElementDefinition[] = [{ colspan: { default: 12, s: 8 } }, { colspan: { default: 12, s: 4 } }];

function FirstThings({ overview }: { overview: Overview }) {
  return (
    <Grid gridDefinition={HALVES}>
      <WaitingForYou overview={overview} />
      <OpenWindows windows={overview.windows} />
    </Grid>
  );
}

function Picture({ overview }: { overview: Overview }) {
  const picture = usePicture();
  return (
    <SpaceBetween size="l">
      <Grid gridDefinition={WIDE_AND_NARROW}>
        <RootLogins overview={overview} picture={picture.data} />
        <SetUpState overview={overview} />
      </Grid>
      {picture.data && overview.last_audit ? (
        <Grid gridDefinition={HALVES}>
          <Units picture={picture.data} />
          <SpaceBetween size="l">
            <SafeToDelete picture={picture.data} />
            <CredentialAges picture={picture.data} />
          </SpaceBetween>
        </Grid>
      ) : (
        !picture.data && <QueryPlaceholder query={picture} height="16rem" />
      )}
      <Currency overview={overview} />
    </SpaceBetween>
  );
}
