/** What users and tokens share: table, role, disabling. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { serverNow } from "../api/server-clock";
import type { Identity, Role } from "../api/records";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { QueryTable } from "../tables/QueryTable";
import { RelativeTime, Timestamp } from "../times/Timestamp";

interface IdentityTableProps {
  title: string;
  description: string;
  query: ReturnType<typeof useIdentities>;
  empty: string;
  selected: Identity | null;
  onSelect: (identity: Identity | null) => void;
  actions: ReactNode;
  extraColumns?: TableProps.ColumnDefinition<Identity>[];
}

export function IdentityTable(props: IdentityTableProps) {
  return (
    <QueryTable
      query={props.query}
      trackBy="identity_id"
      items={props.query.data}
      loadingText={`Loading: ${props.title}`}
      selectionType="single"
      selectedItems={props.selected ? [props.selected] : []}
      onSelectionChange={({ detail }) => props.onSelect(detail.selectedItems[0] ?? null)}
      ariaLabels={{
        tableLabel: props.title,
        selectionGroupLabel: props.title,
        itemSelectionLabel: (_, item) => `Select ${item.name}`,
      }}
      header={
        <Header variant="h2" counter={props.query.data && `(${props.query.data.length})`} description={props.description} actions={props.actions}>
          {props.title}
        </Header>
      }
      empty={props.empty}
      columnDefinitions={[
        { id: "name", header: "Name", cell: (one) => one.name, isRowHeader: true },
        { id: "role", header: "Role", cell: (one) => one.role },
        { id: "state", header: "State", cell: (one) => <State identity={one} /> },
        { id: "used", header: "Last used", cell: (one) => <RelativeTime at={one.last_used_at} /> },
        ...(props.extraColumns ?? []),
        { id: "made", header: "Created", cell: (one) => <Timestamp at={one.created_at} /> },
        { id: "by", header: "Created by", cell: (one) => one.created_by },
      ]}
    />
  );
}

function State({ identity }: { identity: Identity }) {
  const linkEnd = identity.is_usable ? identity.link_ends_at : null;
  if (linkEnd && Date.parse(linkEnd) <= serverNow()) return <StatusIndicator type="warning">Link ended</StatusIndicator>;
  if (linkEnd)
    return (
      <StatusIndicator type="pending">
        Link ends <RelativeTime at={linkEnd} />
      </StatusIndicator>
    );
  if (identity.is_usable) return <StatusIndicator type="success">Active</StatusIndicator>;
  return <StatusIndicator type="stopped">{identity.disabled_at ? "Disabled" : "Expired"}</StatusIndicator>;
}

const QUERY_KEY = ["identities"];

export function useIdentities(kind: Identity["kind"]) {
  const found = useQuery({
    queryKey: QUERY_KEY,
    queryFn: () => unwrap(api.GET("/api/v1/identities")),
    select: (page) => page.identities,
  });
  return { ...found, data: found.data?.filter((one) => one.kind === kind) };
}

export function refreshIdentities(): Promise<void> {
  return queries.invalidateQueries({ queryKey: QUERY_KEY });
}

const ROLE_DESCRIPTIONS: { [role in Role]: string } = {
  viewer: "Reads everything, changes nothing",
  auditor: "Also runs audits and preflights",
  operator: "Also deletes root user credentials, unlocks, requests and activates recovery windows",
  approver: "Approves, denies and extends recovery windows; has no operator permissions",
  administrator: "All permissions, including users and tokens",
};

const ROLE_OPTIONS = (Object.keys(ROLE_DESCRIPTIONS) as Role[]).map((role) => ({
  value: role,
  label: role,
  description: ROLE_DESCRIPTIONS[role],
}));

async function disable(name: string): Promise<unknown> {
  return unwrap(api.POST("/api/v1/identities/{name}/disable", { params: { path: { name } } }));
}

export function RoleField({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  return (
    <FormField label="Role">
      <Select
        selectedOption={ROLE_OPTIONS.find((one) => one.value === role) ?? null}
        options={ROLE_OPTIONS}
        onChange={({ detail }) => onChange(detail.selectedOption.value as Role)}
        triggerVariant="option"
        expandToViewport
      />
    </FormField>
  );
}

export function DisableIdentity({ identity, onClose }: { identity: Identity; onClose: () => void }) {
  const what = identity.kind === "user" ? "user" : "token";
  return (
    <Dialog
      title={`Disable ${identity.name}?`}
      submitText={`Disable ${what}`}
      act={() => disable(identity.name)}
      onDone={() => {
        notify("success", `${identity.name} was disabled.`);
        void refreshIdentities();
      }}
      onClose={onClose}
    >
      <Box variant="p">
        The {what} {identity.name} loses access at once. You can't undo this, and a new {what} needs another name.
      </Box>
    </Dialog>
  );
}
