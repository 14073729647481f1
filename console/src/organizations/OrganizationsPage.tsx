/** The page of all organizations of a server: what is left to do in each, and an audit of all. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useState } from "react";
import { renderHint } from "../api/hints";
import { organizationHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { Organization } from "../api/records";
import { PageFrame } from "../components/PageFrame";
import { usePages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { RelativeTime, ShortTime } from "../times/Timestamp";
import { StartedAudits, useAuditOfAll } from "./AuditAll";
import { Headline } from "./Headline";
import { AddOrganization, RemoveOrganization } from "./OrganizationDialogs";
import { COUNTS, type CountColumn, countUnknownControls, MOST_FIRST, readCount, type Sorting, sortOrganizations, useOrganizations } from "./organizations";

/** Fewer are found by reading. */
const SEARCHED_COUNT = 10;

export default function OrganizationsPage() {
  const organizations = useOrganizations();
  const audit = useAuditOfAll();
  const [sorting, setSorting] = useState(MOST_FIRST);
  const [text, setText] = useState("");
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<Organization | null>(null);
  const { data: me } = useMe();
  const administers = (me?.serves_organizations ?? false) && hasPermission(me, "settings:change");
  const all = organizations.data ?? [];
  const found = all.filter(({ name, organization_id }) => `${name}\n${organization_id}`.includes(text.trim().toLowerCase()));
  const pages = usePages(sortOrganizations(found, sorting), 50);
  return (
    <PageFrame
      title="All organizations"
      description="The organizations of this server in which you have a role. Each number leads to the pages of its organization."
      actions={
        <SpaceBetween size="xs" direction="horizontal">
          {administers && <Button onClick={() => setAdding(true)}>Add organization</Button>}
          <Button
            variant="primary"
            loading={audit.isStarting}
            disabled={all.length === 0}
            disabledReason="There is no organization to audit."
            onClick={() => audit.start(all)}
          >
            Audit all
          </Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <StartedAudits audit={audit} />
        {all.length > 0 && <Headline organizations={all} />}
        <div className="filters">
          {all.length > SEARCHED_COUNT && (
            <FormField label="Name or id" className="filters__wide">
              <TextFilter
                filteringText={text}
                filteringPlaceholder="Find organizations"
                filteringAriaLabel="Find organizations"
                onChange={({ detail }) => setText(detail.filteringText)}
              />
            </FormField>
          )}
          {all.length > 1 && <SortField sorting={sorting} onChange={setSorting} />}
        </div>
        <QueryTable
          query={organizations}
          items={organizations.data && pages.shown}
          trackBy="name"
          loadingText="Loading organizations"
          ariaLabels={{ tableLabel: "Organizations" }}
          header={
            <Header variant="h2" counter={organizations.data && `(${found.length})`}>
              Organizations
            </Header>
          }
          empty={all.length > 0 ? "No organization matches. Clear the text." : <NoOrganizations />}
          pagination={pages.control}
          columnDefinitions={administers ? [...COLUMNS, makeMenuColumn(setRemoved)] : COLUMNS}
          sortingColumn={COLUMNS.find(({ sortingField }) => sortingField === sorting.by)}
          sortingDescending={sorting.isDescending}
          onSortingChange={({ detail }) => setSorting({ by: detail.sortingColumn.sortingField ?? MOST_FIRST.by, isDescending: detail.isDescending ?? false })}
        />
      </SpaceBetween>
      {isAdding && <AddOrganization onClose={() => setAdding(false)} />}
      {removed && <RemoveOrganization organization={removed} onClose={() => setRemoved(null)} />}
    </PageFrame>
  );
}

function NoOrganizations() {
  return (
    <SpaceBetween size="xs">
      <Box variant="p" color="inherit">
        You have no role in an organization. An administrator of an organization gives you one on its Settings page.
      </Box>
      <Box variant="p" color="inherit">
        An administrator of the server adds organizations here.
      </Box>
    </SpaceBetween>
  );
}

const CHOICES = [
  { value: MOST_FIRST.by, label: "Most to do first" },
  { value: "name", label: "Name" },
  ...COUNTS.map(({ id, header }) => ({ value: id, label: header })),
  { value: "audited", label: "Oldest complete audit" },
];

/** Also in a narrow window, where the table has no headings to sort by. */
function SortField({ sorting, onChange }: { sorting: Sorting; onChange: (sorting: Sorting) => void }) {
  return (
    <FormField label="Sorted by" className="filters__sort">
      <Select
        selectedOption={CHOICES.find(({ value }) => value === sorting.by) ?? null}
        options={CHOICES}
        onChange={({ detail }) => {
          const by = detail.selectedOption.value ?? MOST_FIRST.by;
          onChange({ by, isDescending: by !== "name" && by !== "audited" });
        }}
      />
    </FormField>
  );
}

const COLUMNS: TableProps.ColumnDefinition<Organization>[] = [
  {
    id: "name",
    header: "Organization",
    cell: (organization) => <OrganizationCell organization={organization} />,
    isRowHeader: true,
    minWidth: 230,
    sortingField: "name",
  },
  ...COUNTS.map((column) => ({
    id: column.id,
    header: column.header,
    cell: (organization: Organization) => <CountCell organization={organization} column={column} />,
    minWidth: 124,
    sortingField: column.id,
  })),
  {
    id: "audited",
    header: "Last complete audit",
    cell: ({ numbers }) => (numbers === null ? <Unknown /> : <RelativeTime at={numbers.last_complete_audit_at} none="Never" />),
    minWidth: 130,
    sortingField: "audited",
  },
];

function makeMenuColumn(remove: (organization: Organization) => void): TableProps.ColumnDefinition<Organization> {
  return {
    id: "actions",
    header: "Actions",
    cell: (organization) => (
      <ButtonDropdown
        variant="icon"
        expandToViewport
        ariaLabel={`Actions for ${organization.name}`}
        items={[
          { id: "setup", text: "Check the set-up", href: organizationHref(organization.name, "/set-up") },
          { id: "remove", text: "Remove" },
        ]}
        onItemClick={({ detail }) => detail.id === "remove" && remove(organization)}
      />
    ),
    minWidth: 90,
  };
}

function OrganizationCell({ organization: { name, organization_id, problem, hint } }: { organization: Organization }) {
  return (
    <>
      <Link href={organizationHref(name)}>{name}</Link>
      <Box color="text-body-secondary" fontSize="body-s">
        {organization_id}
      </Box>
      {problem !== null && (
        <>
          <StatusIndicator type="warning">{problem}</StatusIndicator>
          {hint !== null && (
            <Box color="text-body-secondary" fontSize="body-s">
              {renderHint(hint, null)}
            </Box>
          )}
        </>
      )}
    </>
  );
}

function CountCell({ organization, column }: { organization: Organization; column: CountColumn }) {
  const count = readCount(organization, column);
  if (count === null) return <Unknown />;
  const text = count.toLocaleString();
  return (
    <>
      {count === 0 ? (
        text
      ) : (
        <Link href={organizationHref(organization.name, column.path)} ariaLabel={`${column.header} of ${organization.name}: ${text}`}>
          {text}
        </Link>
      )}
      {column.id === "root_logins_left" && <Trend organization={organization} />}
      {column.id === "failing_controls" && <UnknownControls organization={organization} />}
    </>
  );
}

/** The difference to the audit of about 30 days ago. */
function Trend({ organization: { numbers } }: { organization: Organization }) {
  if (!numbers || numbers.compared_at === null) return null;
  return (
    <Box color="text-body-secondary" fontSize="body-s">
      {describeTrend(numbers.trend)} since <ShortTime at={numbers.compared_at} />
    </Box>
  );
}

function describeTrend(trend: number | null): string {
  if (trend === null) return "Unknown change";
  if (trend === 0) return "No change";
  return `${Math.abs(trend).toLocaleString()} ${trend > 0 ? "more" : "fewer"}`;
}

function UnknownControls({ organization }: { organization: Organization }) {
  const unknown = countUnknownControls([organization]);
  if (unknown === 0) return null;
  return (
    <Box color="text-body-secondary" fontSize="body-s">
      {unknown.toLocaleString()} unknown
    </Box>
  );
}

function Unknown() {
  return <StatusIndicator type="warning">Unknown</StatusIndicator>;
}
