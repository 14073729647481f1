/** All second factors of a user taken away, for whoever has lost them. */
import Box from "@cloudscape-design/components/box";
import { ask, api } from "../api/client";
import type { Identity } from "../api/records";
import { tell } from "../shell/notices";
import { Dialog } from "./Dialog";

export function ResetFactors({ user, onClose }: { user: Identity; onClose: () => void }) {
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Reset the second factors of ${user.name}?`}
      submitText="Reset second factors"
      act={() => ask(api.POST("/api/v1/identities/{name}/reset-factors", { params }))}
      onDone={() => tell("success", `${user.name} has no second factor any more.`, "One is set up at the next sign-in, if the role needs it.")}
      onClose={onClose}
    >
      <Box variant="p">
        Make sure by another way that it is {user.name} who asks: until a new one is set up, the password alone lets somebody in. Whoever
        is signed in by that name is signed out.
      </Box>
    </Dialog>
  );
}
