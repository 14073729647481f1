/** One account beside the tree: details, history, guardrails and its part of the ledger. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import SplitPanel from "@cloudscape-design/components/split-panel";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { useNavigate } from "react-router";
import { may, useMe } from "../api/queries";
import type { DeletionException } from "../api/records";
import { requestAddress } from "../windows/addresses";
import { chosenAccounts, explainUntouchable } from "./chosen";
import { DetailsTab } from "./DetailsTab";
import { ExceptionControl } from "./ExceptionControl";
import { GuardrailsTab } from "./GuardrailsTab";
import { HistoryTab } from "./HistoryTab";
import { LedgerTab } from "./LedgerTab";
import type { AccountRow } from "./listing";
import { recoveryObstacle } from "./recovery";

interface AccountPanelProps {
  account: AccountRow;
  exception: DeletionException | undefined;
}

export function AccountPanel({ account, exception }: AccountPanelProps) {
  const [tab, setTab] = useState("details");
  return (
    <SplitPanel
      header={account.name}
      headerDescription={`${account.account_id} · ${account.email}`}
    >
      <SpaceBetween size="s">
        <Actions account={account} exception={exception} />
        <Tabs
          key={account.account_id}
          ariaLabel={`Account ${account.name}`}
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            { id: "details", label: "Details", content: <DetailsTab account={account} exception={exception} /> },
            { id: "history", label: "History", content: <HistoryTab accountId={account.account_id} /> },
            { id: "guardrails", label: "Guardrails", content: <GuardrailsTab accountId={account.account_id} /> },
            { id: "ledger", label: "Ledger", content: <LedgerTab accountId={account.account_id} /> },
          ]}
        />
      </SpaceBetween>
    </SplitPanel>
  );
}

function Actions({ account, exception }: AccountPanelProps) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const excepted = new Map(exception ? [[account.account_id, `Exception of ${exception.owner}: ${exception.reason}`]] : []);
  const untouchable = explainUntouchable(account, excepted);
  const unrecoverable = recoveryObstacle(account);
  return (
    <SpaceBetween size="xs" direction="horizontal">
      {may(me, "windows:request") && (
        <Button
          disabled={unrecoverable !== null}
          disabledReason={unrecoverable ?? undefined}
          onClick={() => void navigate(requestAddress(account.account_id))}
        >
          Allow password recovery
        </Button>
      )}
      <ExceptionControl account={account} exception={exception} />
      {may(me, "root_credentials:delete") && (
        <Button
          disabled={untouchable !== null}
          disabledReason={untouchable ?? undefined}
          onClick={() => {
            chosenAccounts.set(new Set([account.account_id]));
            void navigate("/accounts/delete");
          }}
        >
          Delete root user credentials
        </Button>
      )}
    </SpaceBetween>
  );
}
