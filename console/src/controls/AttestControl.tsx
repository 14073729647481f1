/** The dialog in which a person attests a control, with an owner, a reason and an end. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { queries, useMe } from "../api/queries";
import type { Assessment } from "../api/records";
import { DayField, isInComingYear } from "../components/DayField";
import { Dialog } from "../components/Dialog";
import { endOfDay, isDay } from "../times/format";
import type { ControlPath } from "./controls";

interface AttestControlProps {
  control: Assessment;
  path: ControlPath;
  onClose: () => void;
}

export function AttestControl({ control, path, onClose }: AttestControlProps) {
  const { data: me } = useMe();
  const [owner, setOwner] = useState(me?.name ?? "");
  const [reason, setReason] = useState("");
  const [day, setDay] = useState("");
  const attest = () => {
    const body = { owner: owner.trim(), reason: reason.trim(), until: endOfDay(day) };
    return unwrap(api.POST("/api/v1/controls/{framework_id}/{control_id}/attestations", { params: { path }, body }));
  };
  return (
    <Dialog
      title={`Attest ${control.control_id} ${control.title}`}
      submitText="Attest"
      canSubmit={owner.trim() !== "" && reason.trim() !== "" && isDay(day)}
      act={attest}
      onDone={() => void queries.invalidateQueries({ queryKey: ["controls"] })}
      onClose={onClose}
    >
      <Box variant="p">{control.text} The ledger records the attestation with your name. It overrules no failed and no unknown check.</Box>
      <FormField label="Owner" description="Who is responsible for it.">
        <Input value={owner} onChange={({ detail }) => setOwner(detail.value)} />
      </FormField>
      <FormField label="Reason" description="What you judged, and why it is so. Reports show it.">
        <Textarea value={reason} rows={3} onChange={({ detail }) => setReason(detail.value)} />
      </FormField>
      <DayField
        description="At most a year. Then the control is Manual again."
        value={day}
        onChange={setDay}
        isEnabled={isInComingYear}
      />
    </Dialog>
  );
}
