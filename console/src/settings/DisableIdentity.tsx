/** The end of a user or token. */
import Box from "@cloudscape-design/components/box";
import type { Identity } from "../api/records";
import { tell } from "../shell/notices";
import { Dialog } from "./Dialog";
import { disable, readIdentitiesAgain } from "./identities";

export function DisableIdentity({ identity, onClose }: { identity: Identity; onClose: () => void }) {
  const what = identity.kind === "user" ? "user" : "token";
  return (
    <Dialog
      title={`Disable ${identity.name}?`}
      submitText={`Disable ${what}`}
      act={() => disable(identity.name)}
      onDone={() => {
        tell("success", `${identity.name} may act no more.`);
        void readIdentitiesAgain();
      }}
      onClose={onClose}
    >
      <Box variant="p">
        The {what} {identity.name} may do nothing from the next request on. This isn't undone: a new {what} takes another name.
      </Box>
    </Dialog>
  );
}
