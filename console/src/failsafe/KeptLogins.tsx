/** The root logins that are kept: of each failsafe and of the management account. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { useState } from "react";
import { hasPermission, useMe } from "../api/queries";
import type { BreakglassChecks, FailsafeChecks, KnownFailsafe } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { VerdictIndicator } from "../components/verdicts";
import { AccountName } from "../organization/AccountField";
import { QueryTable } from "../tables/QueryTable";
import { RelativeTime, Timestamp } from "../times/Timestamp";
import { useCheckOutcome } from "./CheckJobs";
import { type Check, ROLES, useFailsafes } from "./checks";
import { AttestFailsafe, RecordDrill } from "./FailsafeDialogs";
import { usePrinting } from "./printing";
import { SetUpFailsafe } from "./SetUpDialog";

type Change = { kind: "drill" | "attest"; account: KnownFailsafe } | { kind: "set-up" };

export function KeptLogins() {
  const { data: me } = useMe();
  const known = useFailsafes();
  const isPrinting = usePrinting();
  const [change, setChange] = useState<Change | null>(null);
  const canRecord = hasPermission(me, "failsafe:record_drill");
  const canAttest = hasPermission(me, "failsafe:attest");
  const hasActions = (canRecord || canAttest) && !isPrinting;
  const close = () => setChange(null);
  const accounts = known.data?.accounts;
  return (
    <>
      <QueryTable
        query={known}
        items={accounts}
        trackBy="account_id"
        loadingText="Loading failsafes"
        wrapLines
        ariaLabels={{ tableLabel: "Root logins that are kept" }}
        header={
          <Header
            variant="h2"
            description={<KnownAs accounts={accounts} unknown={known.data?.unknown ?? null} />}
            actions={
              hasPermission(me, "windows:request") && (
                <Button disabled={known.isPending} onClick={() => setChange({ kind: "set-up" })}>
                  Set up root login
                </Button>
              )
            }
          >
            Root logins that are kept
          </Header>
        }
        empty="No accounts are known. Run an audit on the Accounts page."
        columnDefinitions={hasActions ? [...COLUMNS, makeActionsColumn(canRecord, canAttest, setChange)] : COLUMNS}
      />
      {change?.kind === "drill" && <RecordDrill account={change.account} onClose={close} />}
      {change?.kind === "attest" && <AttestFailsafe account={change.account} onClose={close} />}
      {change?.kind === "set-up" && <SetUpFailsafe accountId={accounts?.find((one) => one.role === "failsafe")?.account_id ?? ""} onClose={close} />}
    </>
  );
}

function KnownAs({ accounts, unknown }: { accounts: readonly KnownFailsafe[] | undefined; unknown: string | null }) {
  if (unknown !== null) return <StatusIndicator type="warning">Failsafes unknown: {unknown} Run an audit on the Accounts page.</StatusIndicator>;
  if (!accounts || accounts.some((one) => one.role === "failsafe"))
    return <>A failsafe is a delegated administrator account for IAM. From the last listing, the ledger and the last check.</>;
  return <StatusIndicator type="warning">No failsafe. Register a delegated administrator for IAM in the set-up.</StatusIndicator>;
}

const COLUMNS: TableProps.ColumnDefinition<KnownFailsafe>[] = [
  {
    id: "account",
    header: "Account",
    cell: (one) => (
      <>
        <AccountName accountId={one.account_id} />
        <Box color="text-body-secondary">{ROLES[one.role]}</Box>
      </>
    ),
    isRowHeader: true,
    minWidth: 160,
  },
  { id: "email", header: "Root e-mail", cell: (one) => <BreakableText>{one.email}</BreakableText>, minWidth: 150 },
  { id: "mfa", header: "MFA", cell: (one) => <Mfa account={one} />, minWidth: 150 },
  { id: "confirmed", header: "Confirmed", cell: (one) => <Confirmations account={one} />, minWidth: 150 },
  {
    id: "drill",
    header: "Last drill",
    cell: (one) => (
      <>
        <VerdictIndicator verdict={one.drill} />
        <Box color="text-body-secondary">{one.drill_evidence}</Box>
      </>
    ),
    minWidth: 150,
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
    minWidth: 110,
  },
];

const MFA_CHECKS: readonly Check["check"][] = ["mfa_devices", "hardware_mfa", "management_mfa"];

/** From the last checks; what wasn't checked is unknown. */
function Mfa({ account }: { account: KnownFailsafe }) {
  const failsafe = useCheckOutcome<FailsafeChecks>("failsafe_check");
  const access = useCheckOutcome<BreakglassChecks>("breakglass_check");
  const checks: readonly Check[] = [...(failsafe?.checks ?? []), ...(access?.checks ?? [])];
  const found = checks.filter((one) => one.account_id === account.account_id && MFA_CHECKS.includes(one.check));
  if (found.length === 0) return <StatusIndicator type="warning">Unknown: not checked</StatusIndicator>;
  return found.map((one) => (
    <div key={one.check}>
      <VerdictIndicator verdict={one.verdict} />
      <Box color="text-body-secondary">{one.evidence}</Box>
    </div>
  ));
}

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
    header: <span className="print-hidden">Actions</span>,
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
    minWidth: 160,
  };
}
