/** Refusing a window, with a reason; also takes back what was approved and isn't opened. */
import FormField from "@cloudscape-design/components/form-field";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { Dialog } from "../settings/Dialog";
import type { Question } from "./question";
import { deny } from "./windows";

export function DenyWindow({ one, name, onClose }: Question) {
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={`Deny the window for ${name}?`}
      submitText="Deny"
      canSubmit={reason.trim() !== ""}
      act={() => deny(one, reason.trim())}
      onClose={onClose}
    >
      <FormField label="Reason" description={`${one.requested_by}, the ledger and the report see it.`}>
        <Textarea value={reason} onChange={({ detail }) => setReason(detail.value)} rows={3} autoFocus />
      </FormField>
    </Dialog>
  );
}
