/** The matrix: a row for each account, a column for each task; what stops it shows in the panel. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useCallback, useMemo, useState } from "react";
import type { Preflight } from "../api/records";
import { useSplitPanel } from "../shell/split-panel";
import { usePages } from "../tables/pages";
import { Moment } from "../times/Moment";
import { AccountName, useNames } from "../windows/AccountName";
import { Causes } from "./Causes";
import { groupByAccount, hasVerdict, TASKS, VERDICTS, type AccountTasks, type Verdict } from "./answer";

const PAGE_SIZE = 50;
const CHOICES: { value: Verdict | "any"; label: string }[] = [
  { value: "any", label: "Any verdict" },
  { value: "blocked", label: "With a task blocked" },
  { value: "depends", label: "With one that depends" },
  { value: "unknown", label: "With one unknown" },
];

export function Matrix({ preflight }: { preflight: Preflight }) {
  const [text, setText] = useState("");
  const [choice, setChoice] = useState<Verdict | "any">("any");
  const [selected, setSelected] = useState<AccountTasks | null>(null);
  const names = useNames();
  const accounts = useMemo(() => groupByAccount(preflight.rows), [preflight]);
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return accounts.filter(
      (one) =>
        (choice === "any" || hasVerdict(one, choice)) &&
        (wanted === "" || `${one.account_id} ${names.get(one.account_id) ?? ""}`.toLowerCase().includes(wanted)),
    );
  }, [accounts, choice, names, text]);
  const pages = usePages(found, PAGE_SIZE);
  const panel = useMemo(
    () =>
      selected && (
        <SplitPanel header={`Guardrails of ${names.get(selected.account_id) ?? selected.account_id}`} closeBehavior="hide">
          <Causes one={selected} />
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
        itemSelectionLabel: (_, one) => names.get(one.account_id) ?? one.account_id,
      }}
      columnDefinitions={COLUMNS}
      header={
        <Header variant="h2" counter={`(${found.length.toLocaleString()})`} description={<Summary preflight={preflight} />}>
          Accounts and tasks
        </Header>
      }
      filter={
        <Search
          text={text}
          choice={choice}
          onChange={(changed) => {
            setText(changed.text);
            setChoice(changed.choice);
            pages.begin();
          }}
        />
      }
      pagination={pages.control}
      empty={
        <Box textAlign="center" color="text-body-secondary">
          {accounts.length === 0 ? "No ACTIVE member account was among those asked for." : "No account fits these filters."}
        </Box>
      }
    />
  );
}

interface Wish {
  text: string;
  choice: Verdict | "any";
}

function Search({ text, choice, onChange }: Wish & { onChange: (changed: Wish) => void }) {
  return (
    <SpaceBetween size="xs" direction="horizontal">
      <div className="wide-filter">
        <TextFilter
          filteringText={text}
          filteringPlaceholder="Find accounts by name or id"
          filteringAriaLabel="Find accounts by name or id"
          onChange={({ detail }) => onChange({ choice, text: detail.filteringText })}
        />
      </div>
      <Select
        ariaLabel="Verdict"
        selectedOption={CHOICES.find((one) => one.value === choice) ?? null}
        options={CHOICES}
        onChange={({ detail }) => onChange({ text, choice: detail.selectedOption.value as Wish["choice"] })}
      />
    </SpaceBetween>
  );
}

function Summary({ preflight }: { preflight: Preflight }) {
  const { summary } = preflight;
  return (
    <>
      Read <Moment at={preflight.observed_at} />. {summary.accounts.toLocaleString()} accounts
      {summary.skipped > 0 && `, ${summary.skipped.toLocaleString()} left out that no policy or root session reaches`}:{" "}
      {summary.allowed.toLocaleString()} tasks allowed, {summary.blocked.toLocaleString()} blocked, {summary.depends.toLocaleString()}{" "}
      depend, {summary.unknown.toLocaleString()} unknown. Choose an account to see what stops it, and what mends it.
    </>
  );
}

const COLUMNS: TableProps.ColumnDefinition<AccountTasks>[] = [
  { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, isRowHeader: true, minWidth: 190 },
  ...TASKS.map(({ task, title, means }) => ({
    id: task,
    header: <span title={means}>{title}</span>,
    cell: (one: AccountTasks) => <VerdictOf one={one} task={task} />,
    minWidth: 112,
  })),
];

function VerdictOf({ one, task }: { one: AccountTasks; task: string }) {
  const row = one.tasks.get(task);
  if (!row) return <>–</>;
  const { type, words } = VERDICTS[row.verdict];
  return (
    <StatusIndicator type={type} wrapText={false}>
      {words}
    </StatusIndicator>
  );
}
