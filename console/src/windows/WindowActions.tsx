/** What may be done about a window by this person, as it stands. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { may } from "../api/queries";
import type { Account, Me, Permission, RecoveryWindow } from "../api/records";
import { ActivateWindow } from "./ActivateWindow";
import { ApproveWindow } from "./ApproveWindow";
import { CloseWindow } from "./CloseWindow";
import { DenyWindow } from "./DenyWindow";
import { ExtendWindow } from "./ExtendWindow";
import { ReviewWindow } from "./ReviewWindow";
import { isWaiting, owesClosing, owesReview } from "./states";
import { TakeBackWindow } from "./TakeBackWindow";

type ActionId = "approve" | "deny" | "cancel" | "activate" | "extend" | "close" | "review";

interface Action {
  id: ActionId;
  text: string;
  isPrimary?: boolean;
  /** Why this person can't, though the role permits it. */
  hindrance?: string | null;
}

interface WindowActionsProps {
  one: RecoveryWindow;
  me: Me;
  account: Account | null;
}

export function WindowActions({ one, me, account }: WindowActionsProps) {
  const [asked, setAsked] = useState<ActionId | null>(null);
  const question = { one, name: account ? `${account.name} (${one.account_id})` : one.account_id, onClose: () => setAsked(null) };
  return (
    <>
      <SpaceBetween size="xs" direction="horizontal">
        {listActions(one, me).map((action) => (
          <Button
            key={action.id}
            variant={action.isPrimary ? "primary" : "normal"}
            disabled={Boolean(action.hindrance)}
            disabledReason={action.hindrance ?? undefined}
            onClick={() => setAsked(action.id)}
          >
            {action.text}
          </Button>
        ))}
      </SpaceBetween>
      {asked === "approve" && <ApproveWindow {...question} />}
      {asked === "deny" && <DenyWindow {...question} />}
      {asked === "cancel" && <TakeBackWindow {...question} />}
      {asked === "activate" && <ActivateWindow {...question} />}
      {asked === "extend" && <ExtendWindow {...question} />}
      {asked === "close" && <CloseWindow {...question} />}
      {asked === "review" && <ReviewWindow {...question} />}
    </>
  );
}

function listActions(one: RecoveryWindow, me: Me): Action[] {
  const waits = isWaiting(one) && !one.has_lapsed;
  const offered: (Action & { permission: Permission; isDue: boolean })[] = [
    { id: "review", text: "Confirm the review", permission: "windows:review", isDue: owesReview(one), hindrance: findInvolved(one, me), isPrimary: true },
    { id: "cancel", text: "Take back", permission: "windows:request", isDue: waits },
    { id: "deny", text: "Deny", permission: "windows:deny", isDue: waits },
    {
      id: "approve",
      text: "Approve",
      permission: "windows:approve",
      isDue: waits && one.state === "REQUESTED",
      hindrance: findOwnPart(one, me, "opening"),
      isPrimary: true,
    },
    { id: "activate", text: "Open now", permission: "windows:activate", isDue: waits && one.state === "APPROVED", isPrimary: true },
    {
      id: "extend",
      text: "Prolong",
      permission: "windows:extend",
      isDue: one.state === "OPEN" && !one.is_overdue,
      hindrance: one.approvals_needed > 0 ? findOwnRequest(one, me) : null,
    },
    { id: "close", text: "Close now", permission: "windows:close", isDue: owesClosing(one) && one.state !== "OPENING", isPrimary: true },
  ];
  return offered.filter(({ permission, isDue }) => isDue && may(me, permission));
}

/** Names are compared as the server compares them. */
function isMe(name: string | null, me: Me): boolean {
  return name !== null && name.toLowerCase() === me.name.toLowerCase();
}

function findOwnRequest(one: RecoveryWindow, me: Me): string | null {
  return isMe(one.requested_by, me) ? "You requested it: somebody else has to decide." : null;
}

function findOwnPart(one: RecoveryWindow, me: Me, purpose: string): string | null {
  const hasApproved = one.approvals.some((given) => given.purpose === purpose && isMe(given.approver, me));
  return findOwnRequest(one, me) ?? (hasApproved ? "You approved it already: each person counts once." : null);
}

function findInvolved(one: RecoveryWindow, me: Me): string | null {
  const wasInvolved = isMe(one.requested_by, me) || isMe(one.activated_by, me);
  return wasInvolved ? "You requested or opened it: somebody else has to review it." : null;
}
