/** The accounts that the plan leaves alone, each with its reason; recent use can be allowed with a reason of one's own. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import type { PlannedAccount } from "../../api/records";
import { ProblemAlert } from "../../shell/ProblemAlert";
import { usePages } from "../../tables/pages";
import { Named } from "./TargetAccounts";

interface SkippedAccountsProps {
  skipped: readonly PlannedAccount[];
  isPlanning: boolean;
  error: unknown;
  /** Plan again with these accounts and reasons; left out where the person may not. */
  onAllow?: (uses: [string, string][]) => void;
}

const REASONS: { [reason: string]: { type: StatusIndicatorProps.Type; words: string } } = {
  exception: { type: "info", words: "Exception" },
  excluded: { type: "stopped", words: "Excluded" },
  failsafe: { type: "info", words: "Failsafe" },
  management_account: { type: "info", words: "Management account" },
  not_active: { type: "stopped", words: "Not active" },
  nothing_to_delete: { type: "success", words: "Nothing to delete" },
  partition: { type: "stopped", words: "No root users in this partition" },
  recently_used: { type: "warning", words: "Used recently" },
  unknown: { type: "error", words: "Unknown" },
  window_open: { type: "in-progress", words: "Recovery window open" },
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
        ariaLabels={{ tableLabel: "What is left alone" }}
        header={
          <Header variant="h2" counter={`(${skipped.length.toLocaleString()})`}>
            What is left alone, and why
          </Header>
        }
        columnDefinitions={[
          { id: "account", header: "Account", minWidth: 180, cell: (one) => <Named account={one} />, isRowHeader: true },
          { id: "place", header: "Place", cell: (one) => one.ou_path },
          { id: "reason", header: "Reason", minWidth: 230, cell: (one) => <Reason account={one} /> },
          { id: "detail", header: "Details", cell: (one) => one.detail ?? "–" },
        ]}
      />
      {onAllow && used.length > 0 && <AllowUse used={used} isPlanning={isPlanning} error={error} onAllow={onAllow} />}
    </SpaceBetween>
  );
}

function Reason({ account }: { account: PlannedAccount }) {
  const told = REASONS[account.reason ?? ""];
  return <StatusIndicator type={told?.type ?? "info"}>{told?.words ?? account.reason}</StatusIndicator>;
}

interface AllowUseProps extends Pick<SkippedAccountsProps, "isPlanning" | "error"> {
  used: readonly PlannedAccount[];
  onAllow: (uses: [string, string][]) => void;
}

/** A workload may still use what was used lately: to delete it takes a look first, and a reason. */
function AllowUse({ used, isPlanning, error, onAllow }: AllowUseProps) {
  const [chosen, setChosen] = useState<PlannedAccount[]>([]);
  const [reason, setReason] = useState("");
  const text = reason.trim();
  return (
    <Table
      items={used}
      trackBy="account_id"
      selectionType="multi"
      selectedItems={chosen}
      onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
      wrapLines
      ariaLabels={{
        tableLabel: "Accounts used recently",
        selectionGroupLabel: "Accounts used recently",
        allItemsSelectionLabel: () => "Select all that were used recently",
        itemSelectionLabel: (_, item) => `Allow for ${item.name}`,
      }}
      header={
        <Header variant="h2" description="Something may still depend on them. Look who uses them first; the plan keeps your reason.">
          Delete although used recently
        </Header>
      }
      columnDefinitions={[
        { id: "account", header: "Account", cell: (one) => <Named account={one} />, isRowHeader: true },
        { id: "detail", header: "Last use", cell: (one) => one.detail ?? "–" },
      ]}
      footer={
        <SpaceBetween size="s">
          <ProblemAlert error={error} />
          <FormField label="Reason" constraintText="Kept in the plan and the ledger.">
            <Input value={reason} onChange={({ detail }) => setReason(detail.value)} />
          </FormField>
          <Button
            loading={isPlanning}
            disabled={chosen.length === 0 || text === ""}
            disabledReason={chosen.length === 0 ? "Select accounts first." : "Give a reason."}
            onClick={() => onAllow(chosen.map((one) => [one.account_id, text]))}
          >
            Plan again with these
          </Button>
        </SpaceBetween>
      }
    />
  );
}
