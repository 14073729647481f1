/** How many root logins are left to secure, and how many accounts there are of each status. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Overview, StatusCounts } from "../api/records";
import { STATUSES } from "./statuses";

export function RootLogins({ overview }: { overview: Overview }) {
  return (
    <Container fitHeight header={<Header variant="h2">Root logins left to secure</Header>}>
      <SpaceBetween size="m">
        <Headline overview={overview} />
        {overview.last_audit && <Counts summary={overview.summary} />}
      </SpaceBetween>
    </Container>
  );
}

/** None left is only good news once every account was read. */
function Headline({ overview }: { overview: Overview }) {
  const { root_logins_left: left, summary, last_audit: audit } = overview;
  if (!audit) return <StatusIndicator type="pending">Not known: no audit was made yet</StatusIndicator>;
  return (
    <div>
      <Box variant="awsui-value-large">{left.toLocaleString()}</Box>
      <Box color="text-body-secondary">
        {left === 0 && summary.unknown > 0
          ? "None is known, but not every account could be read."
          : `of ${summary.accounts.toLocaleString()} accounts${summary.unknown > 0 ? `; ${summary.unknown.toLocaleString()} aren't known` : ""}`}
      </Box>
    </div>
  );
}

function Counts({ summary }: { summary: StatusCounts }) {
  return (
    <SpaceBetween size="xs">
      {STATUSES.map(({ status, type, words }) => (
        <div key={status}>
          <StatusIndicator type={type}>{words}</StatusIndicator>
          <Box variant="span" fontWeight="bold" margin={{ left: "s" }}>
            {summary[status].toLocaleString()}
          </Box>
        </div>
      ))}
    </SpaceBetween>
  );
}
