/** The tables of a plan: accounts with credentials to delete, and skipped accounts with the reason. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import type { PlannedAccount } from "../api/records";
import { ProblemAlert } from "../components/PageFrame";
import { usePages } from "../tables/pages";
import { RelativeTime } from "../times/Timestamp";
import { type Credential, listPlannedCredentials } from "./plans";

export function TargetAccounts({ targets }: { targets: readonly PlannedAccount[] }) {
  const pages = usePages(targets);
  return (
    <Table
      items={pages.shown}
      pagination={pages.control}
      trackBy="account_id"
      wrapLines
      ariaLabels={{ tableLabel: "Credentials to delete" }}
      header={
        <Header variant="h2" counter={`(${targets.length.toLocaleString()})`}>
          Credentials to delete
        </Header>
      }
      columnDefinitions={[
        { id: "account", header: "Account", minWidth: 180, cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
        { id: "place", header: "Organizational unit", cell: (one) => one.ou_path },
        { id: "going", header: "Credentials in order of deletion", cell: (one) => <PlannedCredentials account={one} /> },
        { id: "use", header: "Reason to delete despite recent use", minWidth: 180, cell: (one) => one.allowed_use ?? "–" },
      ]}
    />
  );
}

export function AccountLabel({ account }: { account: Pick<PlannedAccount, "name" | "account_id"> }) {
  return (
    <>
      {account.name}
      <Box color="text-body-secondary">{account.account_id}</Box>
    </>
  );
}

function PlannedCredentials({ account }: { account: PlannedAccount }) {
  return (
    <ul className="plain">
      {listPlannedCredentials(account).map((one) => (
        <li key={`${one.kind} ${one.id}`}>
          {one.label}
          {one.id && ` ${one.id}`}
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

interface SkippedAccountsProps {
  skipped: readonly PlannedAccount[];
  isPlanning: boolean;
  error: unknown;
  /** Create the plan again with these accounts and reasons; absent without permission. */
  onAllow?: (uses: [string, string][]) => void;
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

export function SkippedAccounts({ skipped, isPlanning, error, onAllow }: SkippedAccountsProps) {
  const pages = usePages(skipped);
  const used = skipped.filter((one) => one.reason === "recently_used");
  return (
    <SpaceBetween size="m">
      <Table
        items={pages.shown}
        pagination={pages.control}
        trackBy="account_id"
        wrapLines
        ariaLabels={{ tableLabel: "Skipped accounts" }}
        header={
          <Header variant="h2" counter={`(${skipped.length.toLocaleString()})`}>
            Skipped accounts
          </Header>
        }
        columnDefinitions={[
          { id: "account", header: "Account", minWidth: 180, cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
          { id: "place", header: "Organizational unit", cell: (one) => one.ou_path },
          { id: "reason", header: "Reason", minWidth: 230, cell: (one) => <SkipReason account={one} /> },
          { id: "detail", header: "Details", cell: (one) => one.detail ?? "–" },
        ]}
      />
      {onAllow && used.length > 0 && <AllowRecentUse used={used} isPlanning={isPlanning} error={error} onAllow={onAllow} />}
    </SpaceBetween>
  );
}

function SkipReason({ account }: { account: PlannedAccount }) {
  const known = SKIP_REASONS[account.reason ?? ""];
  return <StatusIndicator type={known?.type ?? "info"}>{known?.label ?? account.reason}</StatusIndicator>;
}

interface AllowRecentUseProps extends Pick<SkippedAccountsProps, "isPlanning" | "error"> {
  used: readonly PlannedAccount[];
  onAllow: (uses: [string, string][]) => void;
}

/** A workload can still use credentials that were used recently, so deleting them requires a check and a reason. */
function AllowRecentUse({ used, isPlanning, error, onAllow }: AllowRecentUseProps) {
  const [selected, setSelected] = useState<PlannedAccount[]>([]);
  const [reason, setReason] = useState("");
  const text = reason.trim();
  return (
    <Table
      items={used}
      trackBy="account_id"
      selectionType="multi"
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
        <Header variant="h2" description="A workload can still depend on these credentials. Find out who uses them first. The plan records your reason.">
          Recently used accounts
        </Header>
      }
      columnDefinitions={[
        { id: "account", header: "Account", cell: (one) => <AccountLabel account={one} />, isRowHeader: true },
        { id: "detail", header: "Last use", cell: (one) => one.detail ?? "–" },
      ]}
      footer={
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
      }
    />
  );
}
