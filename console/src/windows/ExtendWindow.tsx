/** Consent to a later end. */
import Box from "@cloudscape-design/components/box";
import { useState } from "react";
import { Dialog } from "../settings/Dialog";
import { tell } from "../shell/notices";
import { Moment } from "../times/Moment";
import { DurationField } from "./DurationField";
import type { Question } from "./question";
import { renderDuration } from "./states";
import { extend } from "./windows";

export function ExtendWindow({ one, name, onClose }: Question) {
  const [seconds, setSeconds] = useState(3_600);
  return (
    <Dialog
      title={`Prolong the window for ${name}?`}
      submitText="Consent"
      act={async () => {
        const changed = await extend(one, seconds);
        return changed.duration_seconds !== one.duration_seconds;
      }}
      onDone={(isLonger) => {
        if (isLonger) tell("success", `It is prolonged by ${renderDuration(seconds)}.`);
        else tell("info", "Your consent is recorded.", "It is prolonged once enough people consent to the same length.");
      }}
      onClose={onClose}
    >
      <Box variant="p">
        It ends <Moment at={one.expires_at} />.
      </Box>
      <DurationField label="Longer by" description="The server refuses what goes beyond the longest window." seconds={seconds} onChange={setSeconds} />
      {one.approvals_needed > 1 && (
        <Box variant="p">{one.approvals_needed} people must consent to the same length before it is prolonged.</Box>
      )}
    </Dialog>
  );
}
