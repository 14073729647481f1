/** The page of one control: what it asks for, its checks, the accounts behind the verdict, and its attestation. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { Navigate, useSearchParams } from "react-router";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { Assessment, ControlAttestation, JudgedAccount, ShownCheck } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { useFollowLink } from "../components/links";
import { PageFrame, QueryPlaceholder, QueryProblem } from "../components/PageFrame";
import { VerdictIndicator } from "../components/verdicts";
import { ACTOR_KINDS } from "../ledger/entries";
import { FittedTable } from "../tables/FittedTable";
import { useCursorPages } from "../tables/pages";
import { EmptyText } from "../tables/QueryTable";
import { NoPeriod, PeriodPicker } from "../components/PeriodPicker";
import { usePeriod } from "../times/periods";
import { ShortTime, Timestamp } from "../times/Timestamp";
import { AttestControl } from "./AttestControl";
import { CHECKS, type ControlPath, describeSource, SHOWINGS, STRENGTHS, useControl } from "./controls";
import { SinceReport, Trend } from "./ControlTrend";
import { VerdictLabel } from "./VerdictLabel";

export default function ControlPage() {
  const [parameters] = useSearchParams();
  const framework_id = parameters.get("framework");
  const control_id = parameters.get("control");
  if (!framework_id || !control_id) return <Navigate to="/controls" replace />;
  return <Control path={{ framework_id, control_id }} />;
}

function Control({ path }: { path: ControlPath }) {
  const [isOpenOnly, setOpenOnly] = useState(true);
  const chosenPeriod = usePeriod("last-90-days");
  const picker = <PeriodPicker usual="last-90-days" chosen={chosenPeriod} />;
  const pages = useCursorPages(JSON.stringify([path, chosenPeriod.period, isOpenOnly]));
  const found = useControl(path, chosenPeriod.period, isOpenOnly, pages.after);
  if (!found.data || chosenPeriod.problem)
    return (
      <PageFrame title="Control">
        <SpaceBetween size="l">
          {picker}
          {chosenPeriod.problem ? <NoPeriod /> : <QueryPlaceholder query={found} height="20rem" />}
        </SpaceBetween>
      </PageFrame>
    );
  const { control, accounts, total, next, period } = found.data;
  return (
    <PageFrame
      title={`${control.control_id} ${control.title}`}
      description={<VerdictLabel assessment={control} />}
      actions={<AttestButton control={control} path={path} />}
    >
      <SpaceBetween size="l">
        <QueryProblem query={found} />
        {picker}
        <Reasons control={control} />
        <Container header={<Header variant="h2">Details</Header>}>
          <KeyValuePairs
            columns={3}
            items={[
              { label: "Asks for (in our own words)", value: control.text },
              { label: "Control", value: control.control },
              { label: "As of", value: <Timestamp at={period.to} /> },
            ]}
          />
        </Container>
        <Checks checks={control.checks} />
        {chosenPeriod.days && <Trend path={path} days={chosenPeriod.days} judged={found.data} />}
        <SinceReport path={path} />
        {control.attestation && <AttestationFacts attestation={control.attestation} />}
        <Accounts
          accounts={accounts}
          total={total}
          isOpenOnly={isOpenOnly}
          onOpenOnly={setOpenOnly}
          pagination={pages.control(next, total)}
          isLoading={found.isPlaceholderData}
        />
      </SpaceBetween>
    </PageFrame>
  );
}

function Reasons({ control }: { control: Assessment }) {
  if (control.reasons.length === 0) return null;
  return (
    <Alert type="info" header={control.verdict === "manual" ? "A person must judge this control" : undefined}>
      {control.reasons.join(" ")}
    </Alert>
  );
}

/** An attestation counts only for a verdict that needs a person, so it isn't offered for others. */
function AttestButton({ control, path }: { control: Assessment; path: ControlPath }) {
  const { data: me } = useMe();
  const [isAsked, setAsked] = useState(false);
  const isOpenQuestion = control.verdict === "manual" || control.attestation !== null;
  const isOfAccounts = control.checks.some((one) => one.check === "centralized" && one.showing !== "context");
  if (!hasPermission(me, "controls:attest") || !isOpenQuestion || isOfAccounts) return null;
  return (
    <>
      <Button variant="primary" onClick={() => setAsked(true)}>
        {control.attestation ? "Attest again" : "Attest"}
      </Button>
      {isAsked && <AttestControl control={control} path={path} onClose={() => setAsked(false)} />}
    </>
  );
}

function Checks({ checks }: { checks: readonly ShownCheck[] }) {
  return (
    <FittedTable
      variant="container"
      items={checks}
      trackBy="check"
      wrapLines
      ariaLabels={{ tableLabel: "Checks" }}
      header={
        <Header variant="h2" counter={`(${checks.length})`}>
          Checks
        </Header>
      }
      columnDefinitions={CHECK_COLUMNS}
    />
  );
}

const CHECK_COLUMNS: TableProps.ColumnDefinition<ShownCheck>[] = [
  { id: "check", header: "Check", cell: (one) => CHECKS[one.check], isRowHeader: true, minWidth: 180 },
  {
    id: "verdict",
    header: "Result",
    cell: (one) => <VerdictIndicator verdict={one.verdict} />,
    minWidth: 130,
  },
  {
    id: "reasons",
    header: "Why",
    cell: (one) => (
      <BreakableText>
        {[...one.reasons, ...one.confirmations.map((confirmation) => `${confirmation.owner}: ${confirmation.reason}`)].join(" ")}
      </BreakableText>
    ),
    minWidth: 280,
  },
  { id: "showing", header: "Shows", cell: (one) => SHOWINGS[one.showing], minWidth: 140 },
  { id: "source", header: "Mapping", cell: (one) => `${STRENGTHS[one.strength]}: ${describeSource(one.source)}`, minWidth: 200 },
];

function AttestationFacts({ attestation }: { attestation: ControlAttestation }) {
  return (
    <Container header={<Header variant="h2">Attestation</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Owner", value: attestation.owner },
          { label: "Reason", value: attestation.reason },
          { label: "Valid until", value: <ShortTime at={attestation.until} /> },
          { label: "Recorded by", value: `${attestation.recorded_by} (${ACTOR_KINDS[attestation.recorded_by_kind]})` },
          { label: "Recorded", value: <ShortTime at={attestation.recorded_at} /> },
          { label: "Ledger entry", value: `${attestation.ledger_sequence}, ${attestation.entry_hash.slice(0, 16)}…` },
        ]}
      />
    </Container>
  );
}

interface AccountsProps {
  accounts: readonly JudgedAccount[];
  total: number;
  isOpenOnly: boolean;
  onOpenOnly: (isOpenOnly: boolean) => void;
  pagination: TableProps["pagination"];
  isLoading: boolean;
}

function Accounts({ accounts, total, isOpenOnly, onOpenOnly, pagination, isLoading }: AccountsProps) {
  const follow = useFollowLink();
  return (
    <FittedTable
      variant="container"
      items={accounts}
      wrapLines
      loading={isLoading}
      loadingText="Loading accounts"
      pagination={pagination}
      ariaLabels={{ tableLabel: "Accounts" }}
      header={
        <Header
          variant="h2"
          counter={`(${total.toLocaleString()})`}
          actions={
            <Toggle checked={isOpenOnly} onChange={({ detail }) => onOpenOnly(detail.checked)}>
              Only accounts to look at
            </Toggle>
          }
        >
          Accounts behind the verdict
        </Header>
      }
      empty={<EmptyText>{isOpenOnly ? "No account fails, is unknown, or needs a person's judgement." : "The checks judge no single accounts."}</EmptyText>}
      columnDefinitions={[
        {
          id: "account",
          header: "Account",
          cell: (one) => (
            <Link href={pageHref(`/accounts?account=${one.account_id}`)} onFollow={follow}>
              {one.name} <span className="whole">{one.name ? `(${one.account_id})` : one.account_id}</span>
            </Link>
          ),
          isRowHeader: true,
          minWidth: 170,
        },
        {
          id: "verdict",
          header: "Result",
          cell: (one) => <VerdictIndicator verdict={one.verdict} />,
          minWidth: 135,
        },
        { id: "reason", header: "Why", cell: (one) => <BreakableText>{one.reason}</BreakableText>, minWidth: 220 },
        { id: "check", header: "Check", cell: (one) => CHECKS[one.check], minWidth: 140 },
        { id: "read", header: "Read at", cell: (one) => <Timestamp at={one.read_at} none="Not read" />, minWidth: 130 },
      ]}
    />
  );
}
