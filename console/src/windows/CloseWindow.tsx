/** Closing a window before its end. */
import Box from "@cloudscape-design/components/box";
import type { Closing } from "../api/records";
import { Dialog } from "../settings/Dialog";
import { tell } from "../shell/notices";
import type { Question } from "./question";
import { close } from "./windows";

export function CloseWindow({ one, name, onClose }: Question) {
  return (
    <Dialog title={`Close the window for ${name} now?`} submitText="Close now" act={() => close(one)} onDone={tellOutcome} onClose={onClose}>
      <Box variant="p">
        Every root user credential of the account is deleted: access keys, signing certificates, the password, MFA devices. Then a
        re-read shows that nothing is left. A console session that is open may live on.
      </Box>
    </Dialog>
  );
}

function tellOutcome(closing: Closing): void {
  tell(closing.is_closed ? "success" : "warning", closing.explanation, closing.hint ?? undefined);
}
