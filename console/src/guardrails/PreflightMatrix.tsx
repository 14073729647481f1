/** The result of a preflight: one row for each account, one column for each task. */
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SplitPanel from "@cloudscape-design/components/split-panel";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useCallback, useMemo, useRef, useState } from "react";
import type { Preflight } from "../api/records";
import { useSplitPanel } from "../components/links";
import { useWidth } from "../components/width";
import { AccountName, useAccountNames } from "../organization/AccountField";
import { EmptyText } from "../tables/QueryTable";
import { usePages } from "../tables/pages";
import { Timestamp } from "../times/Timestamp";
import { BlockingPolicies, TasksOfVerdict } from "./BlockingPolicies";
import { type AccountTasks, groupByAccount, groupByVerdict, hasVerdict, readVerdict, TASKS, type Verdict, VERDICTS } from "./preflight";

const PAGE_SIZE = 50;
/** What an account and a column for each task need. */
const MATRIX_PIXELS = 1_000;
const VERDICT_FILTERS: { value: Verdict | "any"; label: string }[] = [
  { value: "any", label: "Any verdict" },
  { value: "blocked", label: "Blocked tasks" },
  { value: "unknown", label: "Unknown tasks" },
  { value: "depends", label: "Tasks that depend on conditions" },
  { value: "denied", label: "Denied long-term root" },
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
  const frame = useRef<HTMLDivElement>(null);
  const isNarrow = useWidth(frame) < MATRIX_PIXELS;
  const columns = useMemo(() => (isNarrow ? NARROW_COLUMNS : COLUMNS.filter(({ id }) => id === "account" || accounts.some(({ tasks }) => tasks.has(id ?? "")))), [isNarrow, accounts]);
  return (
    <div ref={frame}>
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
        columnDefinitions={columns}
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
    </div>
  );
}

interface MatrixFilter {
  text: string;
  verdict: Verdict | "any";
}

function MatrixFilters({ text, verdict, onChange }: MatrixFilter & { onChange: (changed: MatrixFilter) => void }) {
  return (
    <div className="filters">
      <div className="filters__wide">
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
    </div>
  );
}

function Summary({ preflight }: { preflight: Preflight }) {
  const { summary } = preflight;
  return (
    <>
      Read <Timestamp at={preflight.observed_at} />. {summary.accounts.toLocaleString()} accounts
      {summary.skipped > 0 && `, ${summary.skipped.toLocaleString()} skipped because no policy or root session applies to them`}:{" "}
      {summary.allowed.toLocaleString()} tasks allowed, {summary.blocked.toLocaleString()} blocked, {summary.unknown.toLocaleString()}{" "}
      unknown, {summary.depends.toLocaleString()} depend on conditions, {summary.denied.toLocaleString()} denied on purpose. Choose an account to see the blocking policies and the fix.
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

/** Where a column for each task doesn't fit: the tasks of each verdict below the account. */
const NARROW_COLUMNS: TableProps.ColumnDefinition<AccountTasks>[] = [
  { id: "account", header: "Account and tasks", cell: (account) => <AccountWithTasks account={account} />, isRowHeader: true },
];

function TaskVerdict({ account, task }: { account: AccountTasks; task: string }) {
  const row = account.tasks.get(task);
  if (!row) return <>–</>;
  const { type, label } = VERDICTS[readVerdict(row)];
  return (
    <StatusIndicator type={type} wrapText={false}>
      {label}
    </StatusIndicator>
  );
}

function AccountWithTasks({ account }: { account: AccountTasks }) {
  const groups = groupByVerdict(account);
  return (
    <>
      <AccountName accountId={account.account_id} />
      {groups.map(({ verdict, titles }) => (
        <div key={verdict}>
          <TasksOfVerdict verdict={verdict} titles={titles} isEverything={groups.length === 1} />
        </div>
      ))}
    </>
  );
}
