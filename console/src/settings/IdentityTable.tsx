/** The table that users and tokens share. */
import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import type { Identity } from "../api/records";
import { Empty } from "../tables/Empty";
import { Ago, Moment } from "../times/Moment";

interface IdentityTableProps {
  title: string;
  description: string;
  items: Identity[] | undefined;
  isLoading: boolean;
  error: unknown;
  empty: string;
  selected: Identity | null;
  onSelect: (identity: Identity | null) => void;
  actions: ReactNode;
  more?: TableProps.ColumnDefinition<Identity>[];
}

export function IdentityTable(props: IdentityTableProps) {
  return (
    <Table
      trackBy="identity_id"
      items={props.items ?? []}
      loading={props.isLoading}
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
        <Header variant="h2" counter={props.items && `(${props.items.length})`} description={props.description} actions={props.actions}>
          {props.title}
        </Header>
      }
      empty={<Empty error={props.error}>{props.empty}</Empty>}
      columnDefinitions={[
        { id: "name", header: "Name", cell: (one) => one.name, isRowHeader: true },
        { id: "role", header: "Role", cell: (one) => one.role },
        { id: "state", header: "State", cell: (one) => <State identity={one} /> },
        { id: "used", header: "Last used", cell: (one) => <Ago at={one.last_used_at} /> },
        ...(props.more ?? []),
        { id: "made", header: "Made", cell: (one) => <Moment at={one.created_at} /> },
        { id: "by", header: "Made by", cell: (one) => one.created_by },
      ]}
    />
  );
}

function State({ identity }: { identity: Identity }) {
  if (identity.is_usable) return <StatusIndicator type="success">Usable</StatusIndicator>;
  return <StatusIndicator type="stopped">{identity.disabled_at ? "Disabled" : "Ended"}</StatusIndicator>;
}
