/** Consent to a window: shown in full, and given for exactly that. */
import Alert from "@cloudscape-design/components/alert";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import { Dialog } from "../settings/Dialog";
import { Moment } from "../times/Moment";
import type { Question } from "./question";
import { renderDuration } from "./states";
import { approve } from "./windows";

export function ApproveWindow({ one, name, onClose }: Question) {
  return (
    <Dialog title="Approve this window?" submitText="Approve" act={() => approve(one)} onClose={onClose}>
      <KeyValuePairs
        columns={2}
        items={[
          { label: "Account", value: name },
          { label: "Task", value: one.is_drill ? "Drill of a recovery" : "Recovery of the root user's password" },
          { label: "Length, from its opening", value: renderDuration(one.duration_seconds) },
          { label: "Requested by", value: one.requested_by },
          { label: "Reason", value: one.reason },
          { label: "Ticket", value: one.ticket ?? "–" },
          { label: "Requested", value: <Moment at={one.requested_at} /> },
        ]}
      />
      <Alert type="info">
        You consent to exactly this account, task and length, once. Whoever reads the root user's mailbox can then set a password and
        sign in as root user. Opening it is a separate step by an operator.
      </Alert>
    </Dialog>
  );
}
