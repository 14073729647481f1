/** The buckets or queues of one account, locked ones first. */
import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo } from "react";
import type { ListedResource, ResourceListing } from "../api/records";
import { AccountName } from "../organization/AccountField";
import { FittedTable } from "../tables/FittedTable";
import { EmptyText } from "../tables/QueryTable";
import { usePages } from "../tables/pages";
import { Timestamp } from "../times/Timestamp";
import { RESOURCE_NOUNS, sortBySeverity, type Verdict, VERDICTS } from "./policies";

interface ResourceTableProps {
  listing: ResourceListing;
  /** When the listing was read. It doesn't contain later changes. */
  readAt: string | null;
  isBusy: boolean;
  onShow: (resource: ListedResource) => void;
}

export function ResourceTable({ listing, readAt, isBusy, onShow }: ResourceTableProps) {
  const found = useMemo(() => sortBySeverity("buckets" in listing ? listing.buckets : listing.queues), [listing]);
  const pages = usePages(found);
  const noun = RESOURCE_NOUNS[listing.service];
  return (
    <SpaceBetween size="m">
      {listing.unread_regions.length > 0 && (
        <Alert type="warning" header="Some Regions couldn't be read. Their resources are unknown.">
          {listing.unread_regions.map((resource) => `${resource.region}: ${resource.reason}`).join(" ")}
        </Alert>
      )}
      <FittedTable
        variant="container"
        trackBy={(resource) => `${resource.region} ${resource.name}`}
        items={pages.shown}
        wrapLines
        ariaLabels={{ tableLabel: `Policies of each ${noun}` }}
        header={
          <Header variant="h2" counter={`(${found.length})`} description={<ReadAt at={readAt} />}>
            {noun === "bucket" ? "Buckets" : "Queues"} of <AccountName accountId={listing.account_id} />
          </Header>
        }
        empty={
          <EmptyText>
            The account has no {noun}.
          </EmptyText>
        }
        pagination={pages.control}
        columnDefinitions={[
          { id: "name", header: noun === "bucket" ? "Bucket" : "Queue", cell: (resource) => resource.name, isRowHeader: true, minWidth: 220 },
          { id: "region", header: "Region", cell: (resource) => resource.region, minWidth: 120 },
          { id: "verdict", header: "Policy", cell: (resource) => <PolicyVerdict resource={resource} />, minWidth: 235 },
          { id: "why", header: "Explanation", cell: (resource) => resource.explanation },
          {
            id: "actions",
            header: "Action",
            minWidth: 160,
            cell: (resource) => (
              <Button variant="inline-link" disabled={isBusy} ariaLabel={`Show the policy of ${resource.name}`} onClick={() => onShow(resource)}>
                Show policy
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
      Read <Timestamp at={at} />.
    </>
  );
}

export function PolicyVerdict({ resource }: { resource: { verdict: Verdict; protected: boolean } }) {
  const { type, label } = VERDICTS[resource.verdict];
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <StatusIndicator type={type}>{label}</StatusIndicator>
      {resource.protected && <Badge color="blue">Protected</Badge>}
    </SpaceBetween>
  );
}
