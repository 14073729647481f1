/** The end of all sign-ins of a user, those of the command line too. */
import Box from "@cloudscape-design/components/box";
import { ask, api } from "../api/client";
import { queries } from "../api/queries";
import type { Identity } from "../api/records";
import { tell } from "../shell/notices";
import { Dialog } from "./Dialog";

export function SignOutUser({ user, onClose }: { user: Identity; onClose: () => void }) {
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Sign ${user.name} out?`}
      submitText="Sign out"
      act={() => ask(api.POST("/api/v1/identities/{name}/sign-out", { params }))}
      onDone={({ ended }) => {
        tell("success", `${user.name} is signed out.`, `${ended} ${ended === 1 ? "sign-in has" : "sign-ins have"} ended.`);
        void queries.invalidateQueries({ queryKey: ["sessions"] });
      }}
      onClose={onClose}
    >
      <Box variant="p">All sign-ins by that name end, by a browser and by the command line. {user.name} can sign in again.</Box>
    </Dialog>
  );
}
