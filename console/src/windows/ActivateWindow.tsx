/** Opening what was approved: what it means, and what came of it. */
import Box from "@cloudscape-design/components/box";
import type { Opening } from "../api/records";
import { Dialog } from "../settings/Dialog";
import { tell } from "../shell/notices";
import type { Question } from "./question";
import { renderDuration } from "./states";
import { activate } from "./windows";

export function ActivateWindow({ one, name, onClose }: Question) {
  return (
    <Dialog title={`Open the window for ${name}?`} submitText="Open now" act={() => activate(one)} onDone={tellOutcome} onClose={onClose}>
      <Box variant="p">
        Password recovery of the root user is allowed for {renderDuration(one.duration_seconds)}, from now on. Whoever reads the root
        user's mailbox can then set a password and sign in as root user.
      </Box>
      <Box variant="p">
        At its end the server closes it and deletes every root user credential of the account. Everything is checked once more before
        it is opened; that takes a few seconds.
      </Box>
    </Dialog>
  );
}

/** What isn't known is said as such: a closing is owed then. */
function tellOutcome(opening: Opening): void {
  if (opening.state === "OPEN") tell("success", "The window is open.", "The next steps are below.");
  else tell("warning", opening.explanation, opening.hint ?? undefined);
}
