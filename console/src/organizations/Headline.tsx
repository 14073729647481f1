/** The sums of all organizations. Organizations without numbers are counted apart. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Organization } from "../api/records";
import { FACT_PIXELS } from "../components/PageFrame";
import { addCounts, type CountColumn, countUnknownControls, COUNTS, isAllDone, isUnknown, readCount } from "./organizations";

export function Headline({ organizations }: { organizations: readonly Organization[] }) {
  const unknown = organizations.filter(isUnknown);
  return (
    <Container header={<Header variant="h2">{describe(organizations, unknown.length)}</Header>}>
      <SpaceBetween size="m">
        {unknown.length > 0 && (
          <StatusIndicator type="warning">
            {`Unknown numbers of these organizations aren't in the sums: ${unknown.map(({ name }) => name).join(", ")}.`}
          </StatusIndicator>
        )}
        {isAllDone(organizations) && <StatusIndicator type="success">Nothing is left to do in any organization.</StatusIndicator>}
        <KeyValuePairs
          columns={4}
          minColumnWidth={FACT_PIXELS}
          items={COUNTS.map((column) => ({ label: column.header, value: <Sum organizations={organizations} column={column} /> }))}
        />
      </SpaceBetween>
    </Container>
  );
}

/** The sum of those that are known; unknown if none is. */
function Sum({ organizations, column }: { organizations: readonly Organization[]; column: CountColumn }) {
  const isKnown = organizations.some((organization) => readCount(organization, column) !== null);
  const unknown = column.id === "failing_controls" ? countUnknownControls(organizations) : 0;
  return (
    <>
      <Box fontSize="heading-xl" fontWeight="bold">{isKnown ? addCounts(organizations, column).toLocaleString() : "Unknown"}</Box>
      {unknown > 0 && <Box color="text-body-secondary">{`and ${unknown.toLocaleString()} unknown`}</Box>}
    </>
  );
}

/** Such as "4 root logins left in 2 organizations, 1 organization unknown". */
function describe(organizations: readonly Organization[], unknown: number): string {
  const known = organizations.length - unknown;
  const column = COUNTS.find(({ id }) => id === "root_logins_left");
  const left = column ? addCounts(organizations, column) : 0;
  const parts = known > 0 ? [`${left.toLocaleString()} ${left === 1 ? "root login" : "root logins"} left in ${countOrganizations(known)}`] : [];
  return [...parts, ...(unknown > 0 ? [`${countOrganizations(unknown)} unknown`] : [])].join(", ");
}

function countOrganizations(count: number): string {
  return `${count.toLocaleString()} ${count === 1 ? "organization" : "organizations"}`;
}
