/** The result of a preflight: one row for each account, one column for each task. */
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useCallback, useMemo, useState } from "react";
import type { Preflight } from "../api/records";
import { useSplitPanel } from "../components/links";
import { AccountName, useAccountNames } from "../organization/AccountField";
import { EmptyText } from "../tables/QueryTable";
import { usePages } from "../tables/pages";
import { Timestamp } from "../times/Timestamp";
import { BlockingPolicies } from "./BlockingPolicies";
import { type AccountTasks, groupByAccount, hasVerdict, TASKS, type Verdict, VERDICTS } from "./preflight";

const PAGE_SIZE = 50;
const VERDICT_FILTERS: { value: Verdict | "any"; label: string }[] = [
  { value: "any", label: "Any verdict" },
  { value: "blocked", label: "Blocked tasks" },
  { value: "depends", label: "Tasks that depend on conditions" },
  { value: "unknown", label: "Unknown tasks" },
];

export function PreflightMatrix({ preflight }: { preflight: Preflight }) {
  const [text, setText] = useState("");
  const [verdict, setVerdict] = useState<Verdict | "any">("any");
  const [selected, setSelected] = useState<AccountTasks | null>(null);
  const names = useAccountNames();
  const accounts = useMemo(() => groupByAccount(preflight.rows), [preflight]);
  const found = useMemo(() => {
    const sought = text.trim().toLowerCase();
    return accounts.filter(
      (account) =>
        (verdict === "any" || hasVerdict(account, verdict)) &&
        (sought === "" || `${account.account_id} ${names.get(account.account_id) ?? ""}`.toLowerCase().includes(sought)),
    );
  }, [accounts, verdict, names, text]);
  const pages = usePages(found, PAGE_SIZE);
  const panel = useMemo(
    () =>
      selected && (
        <SplitPanel header={`Guardrails of ${names.get(selected.account_id) ?? selected.account_id}`} closeBehavior="hide">
          <BlockingPolicies account={selected} />
        </SplitPanel>
      ),
    [selected, names],
  );
  useSplitPanel(panel, useCallback(() => setSelected(null), []));
  return (
    <Table
      trackBy="account_id"
      items={pages.shown}
      variant="container"
      contentDensity="compact"
      wrapLines
      stickyHeader
      selectionType="single"
      selectedItems={selected ? [selected] : []}
      onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0] ?? null)}
      onRowClick={({ detail }) => setSelected(detail.item)}
      ariaLabels={{
        tableLabel: "Accounts and tasks",
        selectionGroupLabel: "Account to explain",
        itemSelectionLabel: (_, account) => names.get(account.account_id) ?? account.account_id,
      }}
      columnDefinitions={COLUMNS}
      header={
        <Header variant="h2" counter={`(${found.length.toLocaleString()})`} description={<Summary preflight={preflight} />}>
          Accounts and tasks
        </Header>
      }
      filter={
        <MatrixFilters
          text={text}
          verdict={verdict}
          onChange={(changed) => {
            setText(changed.text);
            setVerdict(changed.verdict);
            pages.reset();
          }}
        />
      }
      pagination={pages.control}
      empty={
        <EmptyText>
          {accounts.length === 0 ? "The selection has no active member account." : "No accounts match the filters."}
        </EmptyText>
      }
    />
  );
}

interface MatrixFilter {
  text: string;
  verdict: Verdict | "any";
}

function MatrixFilters({ text, verdict, onChange }: MatrixFilter & { onChange: (changed: MatrixFilter) => void }) {
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <div className="wide-filter">
        <TextFilter
          filteringText={text}
          filteringPlaceholder="Find accounts by name or id"
          filteringAriaLabel="Find accounts by name or id"
          onChange={({ detail }) => onChange({ verdict, text: detail.filteringText })}
        />
      </div>
      <Select
        ariaLabel="Verdict"
        selectedOption={VERDICT_FILTERS.find((account) => account.value === verdict) ?? null}
        options={VERDICT_FILTERS}
        onChange={({ detail }) => onChange({ text, verdict: detail.selectedOption.value as MatrixFilter["verdict"] })}
      />
    </SpaceBetween>
  );
}

function Summary({ preflight }: { preflight: Preflight }) {
  const { summary } = preflight;
  return (
    <>
      Read <Timestamp at={preflight.observed_at} />. {summary.accounts.toLocaleString()} accounts
      {summary.skipped > 0 && `, ${summary.skipped.toLocaleString()} skipped because no policy or root session applies to them`}:{" "}
      {summary.allowed.toLocaleString()} tasks allowed, {summary.blocked.toLocaleString()} blocked, {summary.depends.toLocaleString()}{" "}
      depend on conditions, {summary.unknown.toLocaleString()} unknown. Choose an account to see the blocking policies and the fix.
    </>
  );
}

const COLUMNS: TableProps.ColumnDefinition<AccountTasks>[] = [
  { id: "account", header: "Account", cell: (account) => <AccountName accountId={account.account_id} />, isRowHeader: true, minWidth: 190 },
  ...TASKS.map(({ task, title, meaning }) => ({
    id: task,
    header: <span title={meaning}>{title}</span>,
    cell: (account: AccountTasks) => <TaskVerdict account={account} task={task} />,
    minWidth: 112,
  })),
];

function TaskVerdict({ account, task }: { account: AccountTasks; task: string }) {
  const row = account.tasks.get(task);
  if (!row) return <>–</>;
  const { type, label } = VERDICTS[row.verdict];
  return (
    <StatusIndicator type={type} wrapText={false}>
      {label}
    </StatusIndicator>
  );
}
