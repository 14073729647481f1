/** What can be done with the accounts that are chosen. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useNavigate } from "react-router";
import { useObservable } from "../api/observable";
import { may, useMe } from "../api/queries";
import { requestAddress } from "../windows/addresses";
import type { AuditState } from "./auditing";
import { chosenAccounts, selectForAudit } from "./chosen";
import { recoveryObstacle } from "./recovery";
import type { Listing } from "./listing";

interface AccountActionsProps {
  listing: Listing;
  audit: AuditState;
}

export function AccountActions({ listing, audit }: AccountActionsProps) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const chosen = useObservable(chosenAccounts);
  const only = chosen.size === 1 ? listing.accounts.find((one) => chosen.has(one.account_id)) : undefined;
  const obstacle = only ? recoveryObstacle(only) : "Select one account: each gets a window of its own.";
  return (
    <SpaceBetween size="xs" direction="horizontal">
      {may(me, "accounts:audit") && (
        <Button
          loading={audit.isAsked}
          disabled={audit.isRunning}
          disabledReason="An audit is running."
          onClick={() => audit.begin(chosen.size > 0 ? selectForAudit(listing, chosen) : null)}
        >
          {chosen.size > 0 ? `Audit selected (${chosen.size.toLocaleString()})` : "Audit now"}
        </Button>
      )}
      {may(me, "windows:request") && (
        <Button
          disabled={obstacle !== null}
          disabledReason={obstacle ?? undefined}
          onClick={() => only && void navigate(requestAddress(only.account_id))}
        >
          Allow password recovery
        </Button>
      )}
      {may(me, "root_credentials:delete") && (
        <Button
          variant="primary"
          disabled={chosen.size === 0}
          disabledReason="Select accounts or whole units first."
          onClick={() => void navigate("/accounts/delete")}
        >
          Delete root user credentials
        </Button>
      )}
    </SpaceBetween>
  );
}
