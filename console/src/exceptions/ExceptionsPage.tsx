/** The exceptions page: accounts that deletion skips, with owner, reason and end. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useState } from "react";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { DeletionException } from "../api/records";
import { ChoiceField } from "../components/ChoiceField";
import { useFollowLink } from "../components/links";
import { PageFrame } from "../components/PageFrame";
import { AccountName, useAccountNames } from "../organization/AccountField";
import { usePages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { RelativeTime, Timestamp, useNow } from "../times/Timestamp";
import { AddException, ExtendException, RemoveException } from "./ExceptionDialogs";
import { endsSoon, useAllExceptions } from "./exceptions";

type Shown = "all" | "in_force" | "ends_soon" | "ended";
type Change = { kind: "add" } | { kind: "extend" | "remove"; exception: DeletionException };

const SHOWN: readonly { value: Shown; label: string }[] = [
  { value: "all", label: "All" },
  { value: "in_force", label: "In force" },
  { value: "ends_soon", label: "Ends in 14 days" },
  { value: "ended", label: "Ended" },
];

export default function ExceptionsPage() {
  const { data: me } = useMe();
  const exceptions = useAllExceptions();
  const names = useAccountNames();
  const now = useNow(30_000);
  const [text, setText] = useState("");
  const [shown, setShown] = useState<Shown>("all");
  const [change, setChange] = useState<Change | null>(null);
  const canKeep = hasPermission(me, "exceptions:keep");
  const nameOf = (one: DeletionException) => names.get(one.account_id) ?? one.account_id;
  const found = exceptions.data?.filter((one) => isShown(one, shown, now) && matches(one, nameOf(one), text));
  const pages = usePages(found ?? []);
  const close = () => setChange(null);
  return (
    <PageFrame
      title="Exceptions"
      description="Deletion skips these accounts. Each exception has an owner, a reason and an end; the ledger records each change."
      actions={
        canKeep && (
          <Button variant="primary" onClick={() => setChange({ kind: "add" })}>
            Add exception
          </Button>
        )
      }
    >
      <SpaceBetween size="m">
        <div className="filters">
          <FormField label="Account, owner or reason" className="filters__wide">
            <TextFilter
              filteringText={text}
              filteringPlaceholder="Find exceptions"
              filteringAriaLabel="Find exceptions"
              onChange={({ detail }) => setText(detail.filteringText)}
            />
          </FormField>
          <ChoiceField label="Shown" options={SHOWN} value={shown} onChange={setShown} />
        </div>
        <QueryTable
          query={exceptions}
          items={found && pages.shown}
          trackBy="account_id"
          loadingText="Loading exceptions"
          wrapLines
          ariaLabels={{ tableLabel: "Exceptions" }}
          header={
            <Header variant="h2" counter={found && `(${found.length})`}>
              Exceptions
            </Header>
          }
          empty={describeEmpty(exceptions.data?.length === 0, canKeep)}
          pagination={pages.control}
          columnDefinitions={canKeep ? [...COLUMNS, makeActionsColumn(nameOf, setChange)] : COLUMNS}
        />
      </SpaceBetween>
      {change?.kind === "add" && <AddException onClose={close} />}
      {change?.kind === "extend" && <ExtendException name={nameOf(change.exception)} exception={change.exception} onClose={close} />}
      {change?.kind === "remove" && <RemoveException name={nameOf(change.exception)} exception={change.exception} onClose={close} />}
    </PageFrame>
  );
}

function isShown(exception: DeletionException, shown: Shown, now: number): boolean {
  if (shown === "all") return true;
  if (shown === "ended") return !exception.in_force;
  return exception.in_force && (shown === "in_force" || endsSoon(exception, now));
}

function matches({ account_id, owner, reason }: DeletionException, name: string, text: string): boolean {
  return [account_id, name, owner, reason].join("\n").toLowerCase().includes(text.trim().toLowerCase());
}

function describeEmpty(isEmpty: boolean, canKeep: boolean): string {
  if (!isEmpty) return "No exception matches. Clear the text, or show all.";
  if (canKeep) return "No exceptions. Add one for an account whose root user must stay for a time.";
  return "No exceptions. An operator adds one for an account whose root user must stay for a time.";
}

const COLUMNS: TableProps.ColumnDefinition<DeletionException>[] = [
  { id: "account", header: "Account", cell: (one) => <AccountLink accountId={one.account_id} />, isRowHeader: true, minWidth: 160 },
  {
    id: "state",
    header: "State",
    cell: (one) => <StatusIndicator type={one.in_force ? "info" : "stopped"}>{one.in_force ? "In force" : "Ended"}</StatusIndicator>,
    minWidth: 130,
  },
  { id: "owner", header: "Owner", cell: (one) => one.owner, minWidth: 110 },
  { id: "reason", header: "Reason", cell: (one) => one.reason, minWidth: 180 },
  {
    id: "end",
    header: "End",
    cell: (one) => (
      <>
        <Timestamp at={one.until} /> (<RelativeTime at={one.until} />)
      </>
    ),
    minWidth: 160,
  },
  {
    id: "added",
    header: "Added",
    cell: (one) => (
      <>
        {one.added_by}, <Timestamp at={one.added_at} />
      </>
    ),
    minWidth: 160,
  },
];

function AccountLink({ accountId }: { accountId: string }) {
  const follow = useFollowLink();
  return (
    <Link href={pageHref(`/accounts?account=${accountId}`)} onFollow={follow}>
      <AccountName accountId={accountId} />
    </Link>
  );
}

function makeActionsColumn(
  nameOf: (exception: DeletionException) => string,
  onChange: (change: Change) => void,
): TableProps.ColumnDefinition<DeletionException> {
  return {
    id: "actions",
    header: "Actions",
    cell: (exception) => (
      <SpaceBetween size="xs" direction="horizontal">
        <Button onClick={() => onChange({ kind: "extend", exception })} ariaLabel={`Extend the exception for ${nameOf(exception)}`}>
          Extend
        </Button>
        <Button onClick={() => onChange({ kind: "remove", exception })} ariaLabel={`Remove the exception for ${nameOf(exception)}`}>
          Remove
        </Button>
      </SpaceBetween>
    ),
    minWidth: 190,
  };
}
