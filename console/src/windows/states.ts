/** The words and flags of a window's states, and what belongs together. A colour never stands alone. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { RecoveryWindow, WindowState } from "../api/records";

interface StateWords {
  type: StatusIndicatorProps.Type;
  words: string;
}

export const STATES: { readonly [state in WindowState]: StateWords } = {
  REQUESTED: { type: "pending", words: "Waits for approval" },
  APPROVED: { type: "info", words: "Approved, not opened" },
  OPENING: { type: "in-progress", words: "Opening" },
  OPEN: { type: "warning", words: "Open" },
  CLOSING: { type: "in-progress", words: "Closing" },
  CLOSE_FAILED: { type: "error", words: "Closing failed" },
  CLOSED_VERIFIED: { type: "success", words: "Closed and re-read" },
  KEPT: { type: "info", words: "Kept on purpose" },
  DENIED: { type: "stopped", words: "Denied" },
  CANCELLED: { type: "stopped", words: "Taken back" },
  LAPSED: { type: "stopped", words: "Lapsed" },
};

export interface Group {
  id: string;
  label: string;
  states: readonly WindowState[];
  empty: string;
}

/** Windows that a person has to do with now come first. */
export const GROUPS: readonly [Group, ...Group[]] = [
  {
    id: "current",
    label: "Not over",
    states: ["REQUESTED", "APPROVED", "OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"],
    empty: "No window waits or is open.",
  },
  { id: "waiting", label: "Waiting", states: ["REQUESTED", "APPROVED"], empty: "No request waits for approval or opening." },
  {
    id: "open",
    label: "Open",
    states: ["OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"],
    empty: "None is open.",
  },
  {
    id: "over",
    label: "Over",
    states: ["CLOSED_VERIFIED", "KEPT", "DENIED", "CANCELLED", "LAPSED"],
    empty: "No window is over yet.",
  },
];

/** A credential of ours may exist, so that a closing is owed. */
export function owesClosing(one: RecoveryWindow): boolean {
  return ["OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"].includes(one.state);
}

export function isWaiting(one: RecoveryWindow): boolean {
  return one.state === "REQUESTED" || one.state === "APPROVED";
}

export function isOver(one: RecoveryWindow): boolean {
  return !isWaiting(one) && !owesClosing(one);
}

/** Whether it was opened in an emergency and nobody has looked at that yet. */
export function owesReview(one: RecoveryWindow): boolean {
  return one.is_emergency && one.opened_at !== null && one.reviewed_by === null;
}

export function wasOpenedUnapproved(one: RecoveryWindow): boolean {
  return one.opened_at !== null && !one.is_approved;
}

export function isUnwatched(one: RecoveryWindow): boolean {
  return one.opened_at !== null && one.watched_by === null;
}

/** Such as `4 hours`, `1 h 30 min`. */
export function renderDuration(seconds: number): string {
  const hours = seconds / 3_600;
  if (Number.isInteger(hours)) return hours === 1 ? "1 hour" : `${hours} hours`;
  if (seconds < 3_600 && Number.isInteger(seconds / 60)) return `${seconds / 60} min`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const parts = [Math.floor(minutes / 60), minutes % 60, seconds % 60] as const;
  const units = ["h", "min", "s"] as const;
  return parts.flatMap((part, place) => (part > 0 ? [`${part} ${units[place]}`] : [])).join(" ");
}
