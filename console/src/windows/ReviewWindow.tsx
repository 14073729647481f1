/** A second person's look at what was opened in an emergency. */
import Box from "@cloudscape-design/components/box";
import { Dialog } from "../settings/Dialog";
import type { Question } from "./question";
import { review } from "./windows";

export function ReviewWindow({ one, name, onClose }: Question) {
  return (
    <Dialog title="Confirm the review?" submitText="Confirm" act={() => review(one)} onClose={onClose}>
      <Box variant="p">
        You confirm that you looked at why {one.requested_by} opened the window for {name} before anybody approved it, and at what was
        done in it. The ledger keeps your name.
      </Box>
      <Box variant="p">Reason given: {one.reason}</Box>
    </Dialog>
  );
}
