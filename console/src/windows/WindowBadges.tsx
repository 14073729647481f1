/** A window's state, and what a reader must not miss about it. */
import Badge from "@cloudscape-design/components/badge";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { RecoveryWindow } from "../api/records";
import { isUnwatched, owesClosing, owesReview, STATES, wasOpenedUnapproved } from "./states";

export function StateOf({ one }: { one: RecoveryWindow }) {
  if (one.has_lapsed) return <StatusIndicator type="stopped">Too late: it lapses</StatusIndicator>;
  if (one.is_overdue && one.state === "OPEN") return <StatusIndicator type="in-progress">Over: it is being closed</StatusIndicator>;
  const { type, words } = STATES[one.state];
  return <StatusIndicator type={type}>{words}</StatusIndicator>;
}

/** `none` stands where there is nothing to know. */
export function WindowBadges({ one, none = null }: { one: RecoveryWindow; none?: string | null }) {
  const badges = listBadges(one);
  if (badges.length === 0) return <>{none}</>;
  return (
    <SpaceBetween size="xxs" direction="horizontal">
      {badges.map(({ words, color }) => (
        <Badge key={words} color={color}>
          {words}
        </Badge>
      ))}
    </SpaceBetween>
  );
}

function listBadges(one: RecoveryWindow): { words: string; color: "red" | "blue" | "severity-medium" | "grey" }[] {
  return [
    ...(one.is_emergency ? [{ words: "Emergency", color: "red" as const }] : []),
    ...(owesReview(one) ? [{ words: "Review owed", color: "red" as const }] : []),
    ...(wasOpenedUnapproved(one) ? [{ words: "Unapproved", color: "severity-medium" as const }] : []),
    ...(isUnwatched(one) && owesClosing(one) ? [{ words: "Not watched", color: "severity-medium" as const }] : []),
    ...(one.is_drill ? [{ words: "Drill", color: "blue" as const }] : []),
  ];
}
