/** States of recovery windows: labels, groups, and what each one means. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { RecoveryWindow, WindowState } from "../api/records";

interface StateLabel {
  type: StatusIndicatorProps.Type;
  label: string;
}

export const STATES: { readonly [state in WindowState]: StateLabel } = {
  REQUESTED: { type: "pending", label: "Waiting for approval" },
  APPROVED: { type: "info", label: "Approved, not open" },
  OPENING: { type: "in-progress", label: "Opening" },
  OPEN: { type: "warning", label: "Open" },
  CLOSING: { type: "in-progress", label: "Closing" },
  CLOSE_FAILED: { type: "error", label: "Closing failed" },
  CLOSED_VERIFIED: { type: "success", label: "Closed, verified" },
  KEPT: { type: "info", label: "Credentials kept" },
  DENIED: { type: "stopped", label: "Denied" },
  CANCELLED: { type: "stopped", label: "Cancelled" },
  LAPSED: { type: "stopped", label: "Lapsed" },
};

export interface Group {
  id: string;
  label: string;
  states: readonly WindowState[];
  empty: string;
}

/** The groups of the windows page, the current ones first. */
export const GROUPS: readonly [Group, ...Group[]] = [
  {
    id: "current",
    label: "Current",
    states: ["REQUESTED", "APPROVED", "OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"],
    empty: "No current windows.",
  },
  { id: "waiting", label: "Waiting", states: ["REQUESTED", "APPROVED"], empty: "No waiting requests." },
  {
    id: "open",
    label: "Open",
    states: ["OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"],
    empty: "No open windows.",
  },
  {
    id: "over",
    label: "Ended",
    states: ["CLOSED_VERIFIED", "KEPT", "DENIED", "CANCELLED", "LAPSED"],
    empty: "No ended windows.",
  },
];

/** Whether the window must still be closed, because a credential that Rootkeeper created can exist. */
export function needsClosing(recoveryWindow: RecoveryWindow): boolean {
  return ["OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"].includes(recoveryWindow.state);
}

/** Whether credentials were found after the closing, and the window isn't closed again. */
export function isReopened(recoveryWindow: RecoveryWindow): boolean {
  return recoveryWindow.reopened_at !== null && needsClosing(recoveryWindow);
}

export function isPending(recoveryWindow: RecoveryWindow): boolean {
  return recoveryWindow.state === "REQUESTED" || recoveryWindow.state === "APPROVED";
}

export function isEnded(recoveryWindow: RecoveryWindow): boolean {
  return !isPending(recoveryWindow) && !needsClosing(recoveryWindow);
}

/** Whether the window was opened in an emergency and not reviewed yet. */
export function needsReview(recoveryWindow: RecoveryWindow): boolean {
  return recoveryWindow.is_emergency && recoveryWindow.opened_at !== null && recoveryWindow.reviewed_by === null;
}

export function wasOpenedWithoutApproval(recoveryWindow: RecoveryWindow): boolean {
  return recoveryWindow.opened_at !== null && !recoveryWindow.is_approved;
}

export function isUnwatched(recoveryWindow: RecoveryWindow): boolean {
  return recoveryWindow.opened_at !== null && recoveryWindow.watched_by === null;
}

export function windowPath(windowId: string): string {
  return `/windows/${encodeURIComponent(windowId)}`;
}

/** The path of the request form, with the account filled in. */
export function recoveryRequestPath(accountId?: string): string {
  return accountId ? `/windows/request?account=${encodeURIComponent(accountId)}` : "/windows/request";
}
