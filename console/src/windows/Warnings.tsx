/** What nobody may miss about a window, in sentences. */
import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import type { ReactNode } from "react";
import type { RecoveryWindow } from "../api/records";
import { Moment } from "../times/Moment";
import { isUnwatched, isWaiting, owesClosing, owesReview, wasOpenedUnapproved } from "./states";

interface Warning {
  type: AlertProps.Type;
  header: string;
  body: ReactNode;
}

export function Warnings({ one }: { one: RecoveryWindow }) {
  return listWarnings(one).map(({ type, header, body }) => (
    <Alert key={header} type={type} header={header}>
      {body}
    </Alert>
  ));
}

function listWarnings(one: RecoveryWindow): Warning[] {
  return [...listFailures(one), ...listOversights(one), ...listWaits(one)];
}

function listFailures(one: RecoveryWindow): Warning[] {
  if (one.state === "CLOSE_FAILED")
    return [
      {
        type: "error",
        header: "The closing failed, and is tried again until it succeeds.",
        body: (
          <>
            {one.failure} {one.failed_closings} attempts failed in a row; the next is due <Moment at={one.next_closing_at} none="at once" />.
            Until then root may be able to sign in.
          </>
        ),
      },
    ];
  if (["DENIED", "CANCELLED", "LAPSED"].includes(one.state) && one.failure)
    return [{ type: "info", header: one.failure, body: "Nothing was opened. Who still needs it requests a new window." }];
  return [];
}

function listOversights(one: RecoveryWindow): Warning[] {
  const found: Warning[] = [];
  if (owesReview(one))
    found.push({
      type: "error",
      header: "It was opened in an emergency. A second person has to review it.",
      body: (
        <>
          Due <Moment at={one.review_due_at} />. Look at what was done below, then confirm the review.
        </>
      ),
    });
  else if (wasOpenedUnapproved(one) && owesClosing(one))
    found.push({ type: "warning", header: "Nobody approved it.", body: "It is recorded and reported as unapproved." });
  if (isUnwatched(one) && owesClosing(one))
    found.push({
      type: "warning",
      header: "It is not watched.",
      body: "What the root user does in it isn't known here. Look at CloudTrail of the account, or set a source of root events.",
    });
  return found;
}

function listWaits(one: RecoveryWindow): Warning[] {
  if (!isWaiting(one) || one.has_lapsed) return [];
  const lapse = (
    <>
      It lapses <Moment at={one.lapses_at} />.
    </>
  );
  if (one.state === "APPROVED") return [{ type: "info", header: "Ready to be opened. Nothing is open yet.", body: lapse }];
  const header = `Waits for approval: ${one.approved_by.length} of ${one.approvals_needed}. Nothing is open.`;
  return [{ type: "info", header, body: <>Anybody who may approve does, but not {one.requested_by}, who asked for it. {lapse}</> }];
}
