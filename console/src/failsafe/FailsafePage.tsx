/** The failsafe page: who the failsafes are, their drills and attestations, and the last check of each. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import type { Drill, FailsafeChecks, KnownFailsafe } from "../api/records";
import { PageFrame } from "../components/PageFrame";
import { VerdictIndicator } from "../components/verdicts";
import { AccountName } from "../organization/AccountField";
import { usePages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { RelativeTime, Timestamp } from "../times/Timestamp";
import { CheckResult, useCheckJob } from "./CheckJob";
import { ALARMS, DEVICES, NOT_RECORDED, ROLES, useFailsafes } from "./checks";
import { CheckTable } from "./CheckTable";
import { AttestFailsafe, RecordDrill } from "./FailsafeDialogs";

const NO_CHECK = "The failsafes weren't checked yet. A check reads mailbox, password, MFA devices, keys, drill and policies of each.";

export default function FailsafePage() {
  const check = useCheckJob("failsafe_check", "Check failsafes", () => unwrap(api.POST("/api/v1/failsafe-checks")));
  return (
    <PageFrame
      title="Failsafe"
      description="A failsafe is a delegated administrator account for IAM. Its root login is the way in when the identity provider fails."
      actions={check.button}
    >
      <SpaceBetween size="l">
        <Failsafes />
        <CheckResult<FailsafeChecks> check={check} empty={NO_CHECK}>
          {({ checks, observed_at }) => <CheckTable checks={checks} observedAt={observed_at} />}
        </CheckResult>
        <Drills />
      </SpaceBetween>
    </PageFrame>
  );
}

type Change = { kind: "drill" | "attest"; account: KnownFailsafe };

function Failsafes() {
  const { data: me } = useMe();
  const known = useFailsafes();
  const [change, setChange] = useState<Change | null>(null);
  const canRecord = hasPermission(me, "failsafe:record_drill");
  const canAttest = hasPermission(me, "failsafe:attest");
  const close = () => setChange(null);
  const unknown = known.data?.unknown;
  return (
    <>
      <QueryTable
        query={known}
        items={known.data?.accounts}
        trackBy="account_id"
        loadingText="Loading failsafes"
        wrapLines
        ariaLabels={{ tableLabel: "Accounts for emergency access" }}
        header={
          <Header
            variant="h2"
            description={unknown ? <StatusIndicator type="warning">Failsafes unknown: {unknown} Run an audit on the Accounts page.</StatusIndicator> : <NoFailsafe accounts={known.data?.accounts} />}
          >
            Accounts for emergency access
          </Header>
        }
        empty="No accounts are known. Run an audit on the Accounts page."
        columnDefinitions={canRecord || canAttest ? [...COLUMNS, makeActionsColumn(canRecord, canAttest, setChange)] : COLUMNS}
      />
      {change?.kind === "drill" && <RecordDrill account={change.account} onClose={close} />}
      {change?.kind === "attest" && <AttestFailsafe account={change.account} onClose={close} />}
    </>
  );
}

function NoFailsafe({ accounts }: { accounts: readonly KnownFailsafe[] | undefined }) {
  if (!accounts || accounts.some((one) => one.role === "failsafe")) return <>From the last listing and the ledger. A drill is due every 90 days.</>;
  return <StatusIndicator type="warning">No failsafe. Register a delegated administrator for IAM in the set-up.</StatusIndicator>;
}

const COLUMNS: TableProps.ColumnDefinition<KnownFailsafe>[] = [
  { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, isRowHeader: true, minWidth: 150 },
  { id: "role", header: "Role", cell: (one) => ROLES[one.role], minWidth: 120 },
  { id: "confirmed", header: "Confirmed", cell: (one) => <Confirmations account={one} />, minWidth: 165 },
  {
    id: "drill",
    header: "Last drill",
    cell: (one) => (
      <>
        <VerdictIndicator verdict={one.drill} />
        <Box color="text-body-secondary">{one.drill_evidence}</Box>
      </>
    ),
    minWidth: 160,
  },
  {
    id: "due",
    header: "Next drill",
    cell: (one) =>
      one.drill_due_at === null ? (
        "Due now"
      ) : (
        <>
          <Timestamp at={one.drill_due_at} /> (<RelativeTime at={one.drill_due_at} />)
        </>
      ),
    minWidth: 120,
  },
];

const CLAIMS = { kept: "Kept on purpose", purpose: "Not for workloads" };

function Confirmations({ account }: { account: KnownFailsafe }) {
  if (account.role === "management") return <>–</>;
  if (account.confirmations.length === 0) return <StatusIndicator type="warning">Not confirmed</StatusIndicator>;
  return account.confirmations.map((one) => (
    <div key={one.claim}>
      <StatusIndicator type="success">{CLAIMS[one.claim]}</StatusIndicator>
      <Box color="text-body-secondary">
        {one.basis === "check" ? `Checked by ${one.recorded_by}` : `${one.owner}: ${one.reason}`}, until <Timestamp at={one.until} />
      </Box>
    </div>
  ));
}

function makeActionsColumn(canRecord: boolean, canAttest: boolean, onChange: (change: Change) => void): TableProps.ColumnDefinition<KnownFailsafe> {
  return {
    id: "actions",
    header: "Actions",
    cell: (account) => (
      <SpaceBetween size="xs">
        {canRecord && (
          <Button onClick={() => onChange({ kind: "drill", account })} ariaLabel={`Record a drill in ${account.name}`}>
            Record drill
          </Button>
        )}
        {canAttest && account.role === "failsafe" && (
          <Button onClick={() => onChange({ kind: "attest", account })} ariaLabel={`Attest ${account.name}`}>
            Attest
          </Button>
        )}
      </SpaceBetween>
    ),
    minWidth: 150,
  };
}

function Drills() {
  const known = useFailsafes();
  const drills = known.data?.drills;
  const pages = usePages(drills ?? []);
  return (
    <QueryTable
      query={{ ...known, error: null }}
      items={drills && pages.shown}
      trackBy={(one) => `${one.account_id} ${one.recorded_at}`}
      loadingText="Loading drills"
      wrapLines
      ariaLabels={{ tableLabel: "Drills" }}
      header={
        <Header variant="h2" counter={drills && `(${drills.length})`} description="What people recorded. AWS doesn't report drills, so each is self-asserted.">
          Drills
        </Header>
      }
      empty="No drills. Sign in as the failsafe's root user by its runbook, then record the drill."
      pagination={pages.control}
      columnDefinitions={DRILL_COLUMNS}
    />
  );
}

const DRILL_COLUMNS: TableProps.ColumnDefinition<Drill>[] = [
  { id: "held", header: "Held", cell: (one) => <Timestamp at={one.held_at} />, isRowHeader: true, minWidth: 150 },
  { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, minWidth: 150 },
  { id: "by", header: "Held by", cell: (one) => one.held_by, minWidth: 110 },
  {
    id: "outcome",
    header: "Outcome",
    cell: (one) => <StatusIndicator type={one.outcome === "passed" ? "success" : "error"}>{one.outcome === "passed" ? "Passed" : "Failed"}</StatusIndicator>,
    minWidth: 110,
  },
  { id: "alarm", header: "Alarm", cell: (one) => (one.alarm === null ? NOT_RECORDED : ALARMS[one.alarm]), minWidth: 120 },
  { id: "device", header: "MFA device", cell: (one) => (one.device === null ? NOT_RECORDED : DEVICES[one.device]), minWidth: 120 },
  {
    id: "recorded",
    header: "Recorded by",
    cell: (one) => (
      <>
        {one.recorded_by}, <Timestamp at={one.recorded_at} />
      </>
    ),
    minWidth: 160,
  },
];
