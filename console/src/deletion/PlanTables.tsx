/** The tables of a plan: accounts with credentials to delete, and skipped accounts with the reason. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useMemo, useState } from "react";
import type { PlannedAccount } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { ProblemAlert } from "../components/PageFrame";
import { FittedTable } from "../tables/FittedTable";
import { usePages } from "../tables/pages";
import { EmptyText } from "../tables/QueryTable";
import { RelativeTime } from "../times/Timestamp";
import { type Credential, listPlannedCredentials } from "./plans";

export function TargetAccounts({ targets }: { targets: readonly PlannedAccount[] }) {
  const found = useSearch(targets);
  return (
    <FittedTable
      items={found.pages.shown}
      pagination={found.pages.control}
      filter={found.control}
      trackBy="account_id"
      wrapLines
      ariaLabels={{ tableLabel: "Credentials to delete" }}
      empty={<EmptyText>{targets.length > 0 ? "No account matches." : "The plan deletes nothing."}</EmptyText>}
      columnDefinitions={[
        { id: "account", header: "Account", minWidth: 180, cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
        { id: "going", header: "Credentials in order of deletion", minWidth: 240, cell: (one) => <PlannedCredentials account={one} /> },
        { id: "place", header: "Organizational unit", cell: (one) => <BreakableText>{one.ou_path}</BreakableText> },
        { id: "use", header: "Reason to delete despite recent use", minWidth: 180, cell: (one) => one.allowed_use ?? "–" },
      ]}
    />
  );
}

/** A search in the accounts of one tab, by name, id and unit. */
function useSearch(accounts: readonly PlannedAccount[]) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const found = useMemo(
    () => (wanted ? accounts.filter((one) => `${one.name}\n${one.account_id}\n${one.ou_path}`.toLowerCase().includes(wanted)) : accounts),
    [accounts, wanted],
  );
  const pages = usePages(found);
  const control = (
    <TextFilter
      filteringText={text}
      filteringPlaceholder="Name, id or unit"
      filteringAriaLabel="Find accounts of the plan"
      countText={`${found.length.toLocaleString()} ${found.length === 1 ? "match" : "matches"}`}
      onChange={({ detail }) => setText(detail.filteringText)}
    />
  );
  return { found, pages, control };
}

export function AccountLabel({ account }: { account: Pick<PlannedAccount, "name" | "account_id"> }) {
  return (
    <>
      {account.name}
      <Box color="text-body-secondary">
        <span className="whole">{account.account_id}</span>
      </Box>
    </>
  );
}

function PlannedCredentials({ account }: { account: PlannedAccount }) {
  return (
    <ul className="plain">
      {listPlannedCredentials(account).map((one) => (
        <li key={`${one.kind} ${one.id}`}>
          {one.label} {one.id && <BreakableText>{one.id}</BreakableText>}
          <LastUse credential={one} />
        </li>
      ))}
    </ul>
  );
}

function LastUse({ credential }: { credential: Credential }) {
  if (credential.lastUsedAt === undefined) return <Box color="text-body-secondary">last use not reported by AWS</Box>;
  return (
    <Box color="text-body-secondary">
      {credential.lastUsedAt === null ? (
        "never used"
      ) : (
        <>
          last used <RelativeTime at={credential.lastUsedAt} />
        </>
      )}
      {credential.note && `, ${credential.note}`}
    </Box>
  );
}

const SKIP_REASONS: { [reason: string]: { type: StatusIndicatorProps.Type; label: string } } = {
  exception: { type: "info", label: "Exception" },
  excluded: { type: "stopped", label: "Excluded" },
  failsafe: { type: "info", label: "Failsafe" },
  management_account: { type: "info", label: "Management account" },
  not_active: { type: "stopped", label: "Not active" },
  nothing_to_delete: { type: "success", label: "Already absent" },
  partition: { type: "stopped", label: "No root users in this partition" },
  recently_used: { type: "warning", label: "Held back" },
  unknown: { type: "error", label: "Unknown" },
  window_open: { type: "in-progress", label: "Recovery window open" },
};

const ANY_REASON = "";

/** Grouped by reason: each reason with its number of accounts is a choice. */
export function SkippedAccounts({ skipped }: { skipped: readonly PlannedAccount[] }) {
  const [reason, setReason] = useState(ANY_REASON);
  const groups = useMemo(() => countReasons(skipped), [skipped]);
  const ofReason = useMemo(() => (reason === ANY_REASON ? skipped : skipped.filter((one) => one.reason === reason)), [skipped, reason]);
  const search = useSearch(ofReason);
  return (
    <FittedTable
      items={search.pages.shown}
      pagination={search.pages.control}
      filter={
        <SpaceBetween size="s" direction="horizontal">
          {search.control}
          <Select
            ariaLabel="Reason"
            selectedOption={groups.find((one) => one.value === reason) ?? null}
            options={groups}
            onChange={({ detail }) => setReason(detail.selectedOption.value ?? ANY_REASON)}
          />
        </SpaceBetween>
      }
      trackBy="account_id"
      wrapLines
      ariaLabels={{ tableLabel: "Skipped accounts" }}
      empty={<EmptyText>{skipped.length > 0 ? "No account matches." : "No account is skipped."}</EmptyText>}
      columnDefinitions={[
        { id: "account", header: "Account", minWidth: 180, cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
        { id: "reason", header: "Reason", minWidth: 230, cell: (one) => <SkipReason account={one} /> },
        { id: "detail", header: "Details", cell: (one) => (one.detail ? <BreakableText>{one.detail}</BreakableText> : "–"), minWidth: 180 },
        { id: "place", header: "Organizational unit", cell: (one) => <BreakableText>{one.ou_path}</BreakableText> },
      ]}
    />
  );
}

/** The reasons, the most frequent first, such as "Already absent (240)". */
function countReasons(skipped: readonly PlannedAccount[]): { value: string; label: string }[] {
  const counts = new Map<string, number>();
  for (const { reason } of skipped) counts.set(reason ?? "", (counts.get(reason ?? "") ?? 0) + 1);
  const groups = [...counts].sort(([, one], [, other]) => other - one);
  return [
    { value: ANY_REASON, label: `Any reason (${skipped.length.toLocaleString()})` },
    ...groups.map(([value, count]) => ({ value, label: `${SKIP_REASONS[value]?.label ?? value} (${count.toLocaleString()})` })),
  ];
}

function SkipReason({ account }: { account: PlannedAccount }) {
  const known = SKIP_REASONS[account.reason ?? ""];
  return <StatusIndicator type={known?.type ?? "info"}>{known?.label ?? account.reason}</StatusIndicator>;
}

interface HeldBackAccountsProps {
  held: readonly PlannedAccount[];
  isPlanning: boolean;
  error: unknown;
  /** Create the plan again with these accounts and reasons; absent without permission. */
  onAllow?: (uses: [string, string][]) => void;
}

/** A workload can still use credentials that were used recently, so deleting them requires a check and a reason. */
export function HeldBackAccounts({ held, isPlanning, error, onAllow }: HeldBackAccountsProps) {
  const search = useSearch(held);
  const [selected, setSelected] = useState<PlannedAccount[]>([]);
  const [reason, setReason] = useState("");
  const text = reason.trim();
  return (
    <FittedTable
      items={search.pages.shown}
      pagination={search.pages.control}
      filter={search.control}
      trackBy="account_id"
      selectionType={onAllow ? "multi" : undefined}
      selectedItems={selected}
      onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
      wrapLines
      ariaLabels={{
        tableLabel: "Accounts used recently",
        selectionGroupLabel: "Accounts used recently",
        allItemsSelectionLabel: () => "Select all recently used accounts",
        itemSelectionLabel: (_, item) => `Allow for ${item.name}`,
      }}
      header={
        <Header variant="h3" description="A workload can still depend on these credentials. Find out who uses them first. The plan records your reason.">
          Recently used accounts
        </Header>
      }
      empty={<EmptyText>{held.length > 0 ? "No account matches." : "No account is held back."}</EmptyText>}
      columnDefinitions={[
        { id: "account", header: "Account", minWidth: 180, cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
        { id: "detail", header: "Last use", minWidth: 240, cell: (one) => one.detail ?? "–" },
      ]}
      footer={
        onAllow && (
        <SpaceBetween size="s">
          <ProblemAlert error={error} />
          <FormField label="Reason" constraintText="Recorded in the plan and the ledger.">
            <Input value={reason} onChange={({ detail }) => setReason(detail.value)} />
          </FormField>
          <Button
            loading={isPlanning}
            disabled={selected.length === 0 || text === ""}
            disabledReason={selected.length === 0 ? "Select accounts first." : "Enter a reason."}
            onClick={() => onAllow(selected.map((one) => [one.account_id, text]))}
          >
            Plan again with selected accounts
          </Button>
        </SpaceBetween>
        )
      }
    />
  );
}
