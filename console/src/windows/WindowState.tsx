/** The state of a recovery window: label, badges and time left. */
import Badge from "@cloudscape-design/components/badge";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { RecoveryWindow } from "../api/records";
import { renderCountdown } from "../times/format";
import { useNow } from "../times/Timestamp";
import { isReopened, isUnwatched, needsClosing, needsReview, STATES, wasOpenedWithoutApproval } from "./states";

export function WindowState({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  if (recoveryWindow.has_lapsed) return <StatusIndicator type="stopped">Lapsing</StatusIndicator>;
  if (recoveryWindow.is_overdue && recoveryWindow.state === "OPEN") return <StatusIndicator type="in-progress">Overdue, closing</StatusIndicator>;
  if (isReopened(recoveryWindow) && recoveryWindow.state === "CLOSING") return <StatusIndicator type="error">Reopened by someone else, closing</StatusIndicator>;
  const { type, label } = STATES[recoveryWindow.state];
  return <StatusIndicator type={type}>{label}</StatusIndicator>;
}

/** Badges of a window; `none` is the text without badges. */
export function hasBadges(recoveryWindow: RecoveryWindow): boolean {
  return listBadges(recoveryWindow).length > 0;
}

export function WindowBadges({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const badges = listBadges(recoveryWindow);
  if (badges.length === 0) return null;
  return (
    <SpaceBetween size="xxs" direction="horizontal">
      {badges.map(({ label, color }) => (
        <Badge key={label} color={color}>
          {label}
        </Badge>
      ))}
    </SpaceBetween>
  );
}

function listBadges(recoveryWindow: RecoveryWindow): { label: string; color: "red" | "blue" | "severity-medium" | "grey" }[] {
  return [
    ...(recoveryWindow.is_emergency ? [{ label: "Emergency", color: "red" as const }] : []),
    ...(recoveryWindow.reopened_at !== null ? [{ label: "Reopened by someone else", color: "red" as const }] : []),
    ...(needsReview(recoveryWindow) ? [{ label: "Review required", color: "red" as const }] : []),
    ...(wasOpenedWithoutApproval(recoveryWindow) ? [{ label: "Unapproved", color: "severity-medium" as const }] : []),
    ...(isUnwatched(recoveryWindow) && needsClosing(recoveryWindow) ? [{ label: "Not watched", color: "severity-medium" as const }] : []),
    ...(recoveryWindow.is_drill ? [{ label: "Drill", color: "blue" as const }] : []),
  ];
}

export function TimeLeft({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const now = useNow(1_000);
  if (!recoveryWindow.expires_at || !needsClosing(recoveryWindow)) return <>–</>;
  const seconds = (new Date(recoveryWindow.expires_at).getTime() - now) / 1_000;
  return <>{seconds > 0 ? renderCountdown(seconds) : "none"}</>;
}
