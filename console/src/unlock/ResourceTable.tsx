/** All buckets or queues of one account, what locks first. */
import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useMemo } from "react";
import type { ListedResource, ResourceListing } from "../api/records";
import { usePages } from "../tables/pages";
import { Moment } from "../times/Moment";
import { AccountName } from "../windows/AccountName";
import { NOUNS, sortBySeverity, VERDICTS, type Verdict } from "./policies";

interface ResourceTableProps {
  listing: ResourceListing;
  /** When it was read; what was changed since isn't in it. */
  readAt: string | null;
  isBusy: boolean;
  onShow: (one: ListedResource) => void;
}

export function ResourceTable({ listing, readAt, isBusy, onShow }: ResourceTableProps) {
  const found = useMemo(() => sortBySeverity("buckets" in listing ? listing.buckets : listing.queues), [listing]);
  const pages = usePages(found);
  const noun = NOUNS[listing.service];
  return (
    <SpaceBetween size="m">
      {listing.unread_regions.length > 0 && (
        <Alert type="warning" header="Some Regions couldn't be read: what is in them isn't known.">
          {listing.unread_regions.map((one) => `${one.region}: ${one.reason}`).join(" ")}
        </Alert>
      )}
      <Table
        variant="container"
        trackBy={(one) => `${one.region} ${one.name}`}
        items={pages.shown}
        wrapLines
        ariaLabels={{ tableLabel: `Policies of each ${noun}` }}
        header={
          <Header variant="h2" counter={`(${found.length})`} description={<ReadAt at={readAt} />}>
            {noun === "bucket" ? "Buckets" : "Queues"} of <AccountName accountId={listing.account_id} />
          </Header>
        }
        empty={
          <Box textAlign="center" color="text-body-secondary">
            The account has no {noun}.
          </Box>
        }
        pagination={pages.control}
        columnDefinitions={[
          { id: "name", header: noun === "bucket" ? "Bucket" : "Queue", cell: (one) => one.name, isRowHeader: true, minWidth: 220 },
          { id: "region", header: "Region", cell: (one) => one.region, minWidth: 120 },
          { id: "verdict", header: "Policy", cell: (one) => <VerdictOf one={one} />, minWidth: 235 },
          { id: "why", header: "Why", cell: (one) => one.explanation },
          {
            id: "show",
            header: "Look",
            minWidth: 160,
            cell: (one) => (
              <Button variant="inline-link" disabled={isBusy} ariaLabel={`Show the policy of ${one.name}`} onClick={() => onShow(one)}>
                Show the policy
              </Button>
            ),
          },
        ]}
      />
    </SpaceBetween>
  );
}

function ReadAt({ at }: { at: string | null }) {
  return (
    <>
      As read <Moment at={at} />.
    </>
  );
}

export function VerdictOf({ one }: { one: { verdict: Verdict; protected: boolean } }) {
  const { type, words } = VERDICTS[one.verdict];
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <StatusIndicator type={type}>{words}</StatusIndicator>
      {one.protected && <Badge color="blue">Protected</Badge>}
    </SpaceBetween>
  );
}
