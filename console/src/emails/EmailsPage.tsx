/** The root e-mails page: the root e-mail address of each account, checked against the rules of this server. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { saveText } from "../api/downloads";
import { hasPermission, useMe } from "../api/queries";
import type { RootEmail, RootEmailPage } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { ChoiceField } from "../components/ChoiceField";
import { PageFrame } from "../components/PageFrame";
import { VerdictIndicator, VERDICTS } from "../components/verdicts";
import { AccountName } from "../organization/AccountField";
import { renderCsv } from "../tables/csv";
import { useCursorPages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { type FilterCodec, useUrlFilter } from "../tables/url-filter";
import { Timestamp } from "../times/Timestamp";
import { AttestAddress, AttestAddresses } from "./AttestAddress";
import { ApproveChange, ChangeAddress } from "./ChangeAddress";
import { canBeAttested, describeReasons, EMAIL_VERDICTS, type EmailFilter, nameReasons, readAllEmails, useRootEmails, type Verdict } from "./emails";
import { makeMenuColumn, type RowActions } from "./RowMenu";

const FILTER: FilterCodec<EmailFilter> = {
  read: (parameters) => ({
    verdict: EMAIL_VERDICTS.find((one) => one === parameters.get("verdict")) ?? "any",
    text: parameters.get("q") ?? "",
  }),
  write: ({ verdict, text }) => ({ verdict: verdict === "any" ? [] : [verdict], q: text ? [text] : [] }),
};

export default function EmailsPage() {
  const { data: me } = useMe();
  const [filter, changeFilter] = useUrlFilter(FILTER);
  const [isAttesting, setAttesting] = useState(false);
  const [attested, setAttested] = useState<readonly string[] | null>(null);
  const [selected, setSelected] = useState<readonly RootEmail[]>([]);
  const [approved, setApproved] = useState<RootEmail | null>(null);
  const [changed, setChanged] = useState<RootEmail | null>(null);
  const pages = useCursorPages(JSON.stringify(filter));
  const found = useRootEmails(filter, pages.after);
  const canAttest = hasPermission(me, "root_emails:attest");
  const actions: RowActions = {
    attest: canAttest ? (one) => setAttested(listAddresses([one])) : undefined,
    approve: hasPermission(me, "root_emails:approve") ? setApproved : undefined,
    change: hasPermission(me, "root_emails:change") ? setChanged : undefined,
  };
  const setFilter = (changed: EmailFilter) => {
    changeFilter(changed);
    // An address out of sight isn't attested by mistake.
    setSelected([]);
  };
  const canAct = Object.values(actions).some((one) => one !== undefined);
  return (
    <PageFrame
      title="Root e-mails"
      description="Anyone who reads the mailbox of a root e-mail address can reset the root user's password while recovery is possible. So each address should belong to the organization, be read by a group, and be used once."
      actions={
        canAttest && (
          <Button variant="primary" onClick={() => setAttesting(true)}>
            Attest address
          </Button>
        )
      }
    >
      <SpaceBetween size="m">
        {found.data && found.data.remarks.length > 0 && <Alert type="info">{found.data.remarks.join(" ")}</Alert>}
        <div className="filters">
          <FormField label="Address, account id or name" className="filters__wide">
            <Input
              type="search"
              value={filter.text}
              placeholder="Find addresses"
              onChange={({ detail }) => setFilter({ ...filter, text: detail.value })}
            />
          </FormField>
          <VerdictField filter={filter} page={found.data} onChange={setFilter} />
          <div className="filters__button">
            <ExportButton filter={filter} page={found.data} />
          </div>
        </div>
        <QueryTable
          query={found}
          items={found.data?.accounts}
          trackBy="account_id"
          loadingText="Loading addresses"
          wrapLines
          selectionType={canAttest ? "multi" : undefined}
          selectedItems={selected}
          onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
          isItemDisabled={(one) => !canBeAttested(one)}
          ariaLabels={{
            tableLabel: "Root e-mail addresses",
            selectionGroupLabel: "Addresses to attest",
            allItemsSelectionLabel: () => "Select all addresses of this page that lack a group",
            itemSelectionLabel: (_, one) => `Select ${one.email ?? one.account_id}`,
          }}
          header={
            <Header
              variant="h2"
              counter={found.data && `(${found.data.total.toLocaleString()})`}
              description={<Source page={found.data} />}
              actions={canAttest && <AttestSelected selected={selected} onAttest={() => setAttested(listAddresses(selected))} />}
            >
              Root e-mail addresses
            </Header>
          }
          empty={
            found.data?.listed_at === null
              ? "The addresses are unknown: the organization hasn't been listed yet. Run an audit on the Accounts page."
              : "No address matches. Clear the text, or show any verdict."
          }
          pagination={pages.control(found.data?.next, found.data?.total)}
          columnDefinitions={canAct ? [...COLUMNS, makeMenuColumn(actions)] : COLUMNS}
        />
      </SpaceBetween>
      {isAttesting && <AttestAddress onClose={() => setAttesting(false)} />}
      {attested !== null && (
        <AttestAddresses
          addresses={attested}
          onAttested={(done) => setSelected((before) => before.filter(({ email }) => email === null || !done.includes(email)))}
          onClose={() => setAttested(null)}
        />
      )}
      {approved !== null && <ApproveChange account={approved} onClose={() => setApproved(null)} />}
      {changed !== null && <ChangeAddress account={changed} onClose={() => setChanged(null)} />}
    </PageFrame>
  );
}

/** Each address once: two accounts can share it. */
function listAddresses(accounts: readonly RootEmail[]): string[] {
  return [...new Set(accounts.flatMap(({ email }) => email ?? []))];
}

function AttestSelected({ selected, onAttest }: { selected: readonly RootEmail[]; onAttest: () => void }) {
  const isEmpty = selected.length === 0;
  return (
    <Button disabled={isEmpty} disabledReason={isEmpty ? "Select addresses first." : undefined} onClick={onAttest}>
      {isEmpty ? "Attest selected" : `Attest selected (${selected.length.toLocaleString()})`}
    </Button>
  );
}

function Source({ page }: { page: RootEmailPage | undefined }) {
  if (!page?.listed_at) return null;
  return (
    <>
      From the listing of <Timestamp at={page.listed_at} />. AWS can show a changed address hours later.
    </>
  );
}

interface VerdictFieldProps {
  filter: EmailFilter;
  page: RootEmailPage | undefined;
  onChange: (filter: EmailFilter) => void;
}

function VerdictField({ filter, page, onChange }: VerdictFieldProps) {
  const count = (verdict: Verdict) => (page ? ` (${page.summary[verdict].toLocaleString()})` : "");
  const options: { value: Verdict | "any"; label: string }[] = [
    { value: "any", label: `Any${page ? ` (${page.summary.accounts.toLocaleString()})` : ""}` },
    ...EMAIL_VERDICTS.map((verdict) => ({ value: verdict, label: `${VERDICTS[verdict].label}${count(verdict)}` })),
  ];
  return <ChoiceField label="Verdict" options={options} value={filter.verdict} onChange={(verdict) => onChange({ ...filter, verdict })} />;
}

function ExportButton({ filter, page }: { filter: EmailFilter; page: RootEmailPage | undefined }) {
  const exporting = useMutation({
    mutationFn: async (kind: string) => {
      const accounts = await readAllEmails(filter);
      const name = `root-emails-${page?.organization_id ?? "organization"}`;
      if (kind === "csv") saveText(renderCsv(accounts.map(toRow)), `${name}.csv`, "text/csv");
      else saveText(`${JSON.stringify({ organization_id: page?.organization_id, listed_at: page?.listed_at, accounts }, null, 2)}\n`, `${name}.json`);
    },
  });
  return (
    <ButtonDropdown
      loading={exporting.isPending}
      disabled={!page || page.total === 0}
      items={[
        { id: "csv", text: "CSV" },
        { id: "json", text: "JSON" },
      ]}
      onItemClick={({ detail }) => exporting.mutate(detail.id)}
    >
      Export
    </ButtonDropdown>
  );
}

function toRow(one: RootEmail) {
  return { ...one, reasons: one.reasons.join(" "), shared_with: one.shared_with.join(" ") };
}

const COLUMNS: TableProps.ColumnDefinition<RootEmail>[] = [
  { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, isRowHeader: true, minWidth: 170 },
  { id: "email", header: "Root e-mail address", cell: (one) => (one.email === null ? "Unknown" : <BreakableText>{one.email}</BreakableText>), minWidth: 200 },
  {
    id: "verdict",
    header: "Verdict",
    cell: (one) => <VerdictIndicator verdict={one.verdict} />,
    minWidth: 130,
  },
  {
    id: "reasons",
    header: "Reason",
    cell: (one) => (
      <>
        {(one.reasons.length > 0 || one.group === null) && <span title={describeReasons(one)}>{nameReasons(one)}</span>}
        <Group found={one} />
      </>
    ),
    minWidth: 180,
  },
];

/** What is known of the people who read the mailbox. */
function Group({ found }: { found: RootEmail }) {
  if (found.group === null) return null;
  return (
    <Box color="text-body-secondary">
      {found.group === "settings" ? (
        "A group, by the settings"
      ) : (
        <>
          A group, attested by {found.attested_by} until <Timestamp at={found.attested_until} />
        </>
      )}
    </Box>
  );
}
