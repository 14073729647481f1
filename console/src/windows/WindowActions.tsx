/** The actions on a recovery window that its state and the permissions of this user allow. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { hasPermission } from "../api/queries";
import type { Account, Me, Permission, RecoveryWindow } from "../api/records";
import { isPending, needsClosing, needsReview } from "./states";
import {
  ActivateWindow,
  ApproveWindow,
  CancelRequest,
  CloseWindow,
  DenyWindow,
  ExtendWindow,
  KeepLogin,
  ReviewWindow,
} from "./WindowDialogs";

type ActionId = "approve" | "deny" | "cancel" | "activate" | "extend" | "keep" | "close" | "review";

interface Action {
  id: ActionId;
  text: string;
  isPrimary?: boolean;
  /** Why this user can't do it, although the role has the permission. */
  obstacle?: string | null;
}

interface WindowActionsProps {
  recoveryWindow: RecoveryWindow;
  me: Me;
  account: Pick<Account, "name"> | null;
  /** Whether the window sets up the root login of a failsafe. */
  keepsLogin?: boolean;
  /** The actions to offer, if not all. */
  only?: readonly ActionId[];
  /** Called after an approval or a denial. */
  onDecided?: (decided: RecoveryWindow) => void;
}

export function WindowActions({ recoveryWindow, me, account, keepsLogin = false, only, onDecided }: WindowActionsProps) {
  const [dialog, setDialog] = useState<ActionId | null>(null);
  const offered = listActions(recoveryWindow, me, keepsLogin).filter((action) => !only || only.includes(action.id));
  const dialogProps = { recoveryWindow, name: account ? `${account.name} (${recoveryWindow.account_id})` : recoveryWindow.account_id, onClose: () => setDialog(null) };
  return (
    <>
      <SpaceBetween size="xs" direction="horizontal">
        {offered.map((action) => (
          <Button
            key={action.id}
            variant={action.isPrimary ? "primary" : "normal"}
            disabled={Boolean(action.obstacle)}
            disabledReason={action.obstacle ?? undefined}
            onClick={() => setDialog(action.id)}
          >
            {action.text}
          </Button>
        ))}
      </SpaceBetween>
      {dialog === "approve" && <ApproveWindow {...dialogProps} onDecided={onDecided} />}
      {dialog === "deny" && <DenyWindow {...dialogProps} onDecided={onDecided} />}
      {dialog === "cancel" && <CancelRequest {...dialogProps} />}
      {dialog === "activate" && <ActivateWindow {...dialogProps} />}
      {dialog === "extend" && <ExtendWindow {...dialogProps} />}
      {dialog === "keep" && <KeepLogin {...dialogProps} />}
      {dialog === "close" && <CloseWindow {...dialogProps} />}
      {dialog === "review" && <ReviewWindow {...dialogProps} />}
    </>
  );
}

function listActions(recoveryWindow: RecoveryWindow, me: Me, keepsLogin: boolean): Action[] {
  const waits = isPending(recoveryWindow) && !recoveryWindow.has_lapsed;
  const actions: (Action & { permission: Permission; isAvailable: boolean })[] = [
    { id: "review", text: "Confirm review", permission: "windows:review", isAvailable: needsReview(recoveryWindow), obstacle: findInvolvement(recoveryWindow, me), isPrimary: true },
    { id: "cancel", text: "Cancel request", permission: "windows:request", isAvailable: waits },
    { id: "deny", text: "Deny request", permission: "windows:deny", isAvailable: waits },
    {
      id: "approve",
      text: "Approve request",
      permission: "windows:approve",
      isAvailable: waits && recoveryWindow.state === "REQUESTED",
      obstacle: findOwnApproval(recoveryWindow, me, "opening"),
      isPrimary: true,
    },
    { id: "activate", text: "Open window", permission: "windows:activate", isAvailable: waits && recoveryWindow.state === "APPROVED", isPrimary: true },
    {
      id: "extend",
      text: "Extend window",
      permission: "windows:extend",
      isAvailable: recoveryWindow.state === "OPEN" && !recoveryWindow.is_overdue,
      obstacle: recoveryWindow.approvals_needed > 0 ? findOwnRequest(recoveryWindow, me) : null,
    },
    { id: "close", text: "Close window", permission: "windows:close", isAvailable: needsClosing(recoveryWindow) && recoveryWindow.state !== "OPENING", isPrimary: !keepsLogin },
    { id: "keep", text: "Keep login", permission: "windows:activate", isAvailable: keepsLogin && recoveryWindow.state === "OPEN", isPrimary: true },
  ];
  return actions.filter(({ permission, isAvailable }) => isAvailable && hasPermission(me, permission));
}

/** Whether this user can approve the opening of a window that waits for it. */
export function canApprove(recoveryWindow: RecoveryWindow, me: Me): boolean {
  return hasPermission(me, "windows:approve") && findOwnApproval(recoveryWindow, me, "opening") === null;
}

/** Compare names like the server does. */
function isMe(name: string | null, me: Me): boolean {
  return name !== null && name.toLowerCase() === me.name.toLowerCase();
}

function findOwnRequest(recoveryWindow: RecoveryWindow, me: Me): string | null {
  return isMe(recoveryWindow.requested_by, me) ? "You requested this window. Another user must decide." : null;
}

function findOwnApproval(recoveryWindow: RecoveryWindow, me: Me, purpose: string): string | null {
  const hasApproved = recoveryWindow.approvals.some((approval) => approval.purpose === purpose && isMe(approval.approver, me));
  return findOwnRequest(recoveryWindow, me) ?? (hasApproved ? "You already approved this window. Each user counts once." : null);
}

function findInvolvement(recoveryWindow: RecoveryWindow, me: Me): string | null {
  const wasInvolved = isMe(recoveryWindow.requested_by, me) || isMe(recoveryWindow.activated_by, me);
  return wasInvolved ? "You requested or opened this window. Another user must review it." : null;
}
