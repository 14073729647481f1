/** Taking a request back before anything was opened. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { Dialog } from "../settings/Dialog";
import type { Question } from "./question";
import { takeBack } from "./windows";

export function TakeBackWindow({ one, name, onClose }: Question) {
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={`Take the request for ${name} back?`}
      submitText="Take back"
      act={() => takeBack(one, reason.trim())}
      onClose={onClose}
    >
      <FormField label="Reason (optional)" description="The ledger keeps it.">
        <Input value={reason} onChange={({ detail }) => setReason(detail.value)} autoComplete="off" autoFocus />
      </FormField>
    </Dialog>
  );
}
