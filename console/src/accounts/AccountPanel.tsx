/** The split panel of one account: details, history, guardrails and ledger. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { DeletionException, DetailedAccount } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { FACT_PIXELS, QueryProblem } from "../components/PageFrame";
import { useFollowLink } from "../components/links";
import { ExceptionControl } from "../exceptions/ExceptionDialogs";
import { type Credential, listCredentials } from "../deletion/plans";
import { AccountGuardrails } from "../guardrails/AccountGuardrails";
import { AccountHistory } from "../history/AccountHistory";
import { AccountLedger } from "../ledger/LedgerEntries";
import type { AccountRow } from "../organization/listing";
import { findDeletionObstacle, findRecoveryObstacle, selectedAccounts } from "../organization/selection";
import { describeKinds, describeStatus, nameState, ROLE_NAMES } from "../organization/statuses";
import { FittedTable } from "../tables/FittedTable";
import { RelativeTime, ShortTime, Timestamp } from "../times/Timestamp";
import { recoveryRequestPath, windowPath } from "../windows/states";
import { listTags } from "./filters";

interface AccountPanelProps {
  account: AccountRow;
  exception: DeletionException | undefined;
}

export function AccountPanel({ account, exception }: AccountPanelProps) {
  const [tab, setTab] = useState("details");
  return (
    <SplitPanel
      header={account.name}
      headerDescription={<BreakableText>{`${account.account_id} · ${account.email}`}</BreakableText>}
    >
      <SpaceBetween size="s">
        <PanelActions account={account} exception={exception} />
        <Tabs
          key={account.account_id}
          ariaLabel={`Account ${account.name}`}
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            { id: "details", label: "Details", content: <AccountDetails account={account} exception={exception} /> },
            { id: "history", label: "History", content: <AccountHistory accountId={account.account_id} /> },
            { id: "guardrails", label: "Guardrails", content: <AccountGuardrails accountId={account.account_id} /> },
            { id: "ledger", label: "Ledger", content: <AccountLedger accountId={account.account_id} /> },
          ]}
        />
      </SpaceBetween>
    </SplitPanel>
  );
}

function PanelActions({ account, exception }: AccountPanelProps) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const exceptions = new Map(exception ? [[account.account_id, `Exception of ${exception.owner}: ${exception.reason}`]] : []);
  const deletionObstacle = findDeletionObstacle(account, exceptions);
  const whyNotRecoverable = findRecoveryObstacle(account);
  return (
    <SpaceBetween size="xs" direction="horizontal">
      {hasPermission(me, "windows:request") && (
        <Button
          disabled={whyNotRecoverable !== null}
          disabledReason={whyNotRecoverable ?? undefined}
          onClick={() => void navigate(recoveryRequestPath(account.account_id))}
        >
          Allow password recovery
        </Button>
      )}
      <ExceptionControl account={account} exception={exception} />
      {hasPermission(me, "root_credentials:delete") && (
        <Button
          disabled={deletionObstacle !== null}
          disabledReason={deletionObstacle ?? undefined}
          onClick={() => {
            selectedAccounts.set(new Set([account.account_id]));
            void navigate("/accounts/delete");
          }}
        >
          Delete root user credentials
        </Button>
      )}
    </SpaceBetween>
  );
}

interface AccountDetailsProps {
  account: AccountRow;
  exception: DeletionException | undefined;
}

function AccountDetails({ account, exception }: AccountDetailsProps) {
  const details = useQuery({
    queryKey: ["accounts", "one", account.account_id, account.status, account.observedAt],
    queryFn: () =>
      unwrap(api.GET("/api/v1/accounts/{account_id}", { params: { path: { account_id: account.account_id } } })),
  });
  const status = describeStatus(account);
  return (
    <SpaceBetween size="m">
      {account.detail && account.status === "unknown" && (
        <Alert type="warning" header="The root user credentials of this account aren't known.">
          {account.detail}
        </Alert>
      )}
      {account.failedAttempt && (
        <Alert type="warning" header="The last attempt to read this account failed. Its last reading is shown.">
          {account.failedAttempt}
        </Alert>
      )}
      {exception && (
        <Alert type="info" header={<ExceptionHeader at={exception.until} />}>
          Owner: {exception.owner}. Reason: {exception.reason}
        </Alert>
      )}
      <KeyValuePairs
        columns={4} minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Root user credentials", value: <StatusIndicator type={status.type}>{status.label}</StatusIndicator> },
          { label: "Credentials found", value: describeKinds(account.kinds) },
          { label: "Last read", value: <RelativeTime at={account.observedAt} /> },
          { label: "Role in the organization", value: ROLE_NAMES[account.role] },
          { label: "Organizational unit", value: <BreakableText>{details.data?.ou_path ?? "–"}</BreakableText> },
          { label: "State", value: nameState(account.state) },
          { label: "Joined", value: <ShortTime at={details.data?.joined_at} /> },
          { label: "Tags", value: account.tags ? listTags(account).join(", ") || "None" : "Not read" },
        ]}
      />
      <QueryProblem query={details} />
      {details.data && <Credentials details={details.data} />}
      {details.data && <RecoveryWindows ids={details.data.window_ids} />}
    </SpaceBetween>
  );
}

function ExceptionHeader({ at }: { at: string }) {
  return (
    <>
      Deletion skips this account until <Timestamp at={at} />.
    </>
  );
}

function Credentials({ details }: { details: DetailedAccount }) {
  if (details.details)
    return (
      <SpaceBetween size="xs">
        <CredentialTable title="Credentials" credentials={listCredentials(details.details)} />
        <Box color="text-body-secondary" fontSize="body-s">
          Ages and last use are of <RelativeTime at={details.details.observed_at} />.
        </Box>
      </SpaceBetween>
    );
  if (details.status !== "present") return null;
  return (
    <Box color="text-body-secondary">
      Ages and last uses weren&apos;t read yet. A deletion plan reads and shows them before anything is deleted.
    </Box>
  );
}

function RecoveryWindows({ ids }: { ids: string[] }) {
  const follow = useFollowLink();
  if (ids.length === 0) return null;
  return (
    <div>
      <Box variant="awsui-key-label">Recovery windows</Box>
      <SpaceBetween size="s" direction="horizontal">
        {ids.map((id) => (
          <Link key={id} href={pageHref(windowPath(id))} onFollow={follow}>
            {id}
          </Link>
        ))}
      </SpaceBetween>
    </div>
  );
}

function CredentialTable({ title, credentials }: { title: string; credentials: readonly Credential[] }) {
  return (
    <FittedTable
      variant="embedded"
      ariaLabels={{ tableLabel: title }}
      items={credentials}
      trackBy={(one) => `${one.kind} ${one.id}`}
      empty="None"
      wrapLines
      columnDefinitions={[
        { id: "kind", header: "Credential", minWidth: 140, cell: (one) => one.label, isRowHeader: true },
        { id: "id", header: "Id", minWidth: 190, cell: (one) => one.id ?? "–" },
        { id: "since", header: "Created", minWidth: 150, cell: (one) => <Timestamp at={one.since} /> },
        { id: "used", header: "Last used", minWidth: 130, cell: (one) => <LastUse credential={one} /> },
        { id: "note", header: "Details", minWidth: 160, cell: (one) => one.note ?? "–" },
      ]}
    />
  );
}

function LastUse({ credential }: { credential: Credential }) {
  if (credential.lastUsedAt === undefined) return <>Not reported by AWS</>;
  return <RelativeTime at={credential.lastUsedAt} none="Never" />;
}
