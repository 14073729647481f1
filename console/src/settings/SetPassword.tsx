/** Another password for a user, who is signed out by it. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { ask, api } from "../api/client";
import type { Identity } from "../api/records";
import { tell } from "../shell/notices";
import { Dialog } from "./Dialog";

export function SetPassword({ user, onClose }: { user: Identity; onClose: () => void }) {
  const [password, setPassword] = useState("");
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Password of ${user.name}`}
      submitText="Set password"
      canSubmit={password !== ""}
      act={() => ask(api.POST("/api/v1/identities/{name}/set-password", { params, body: { password } }))}
      onDone={() => tell("success", `${user.name} has another password.`, "Whoever was signed in by that name isn't any more.")}
      onClose={onClose}
    >
      <FormField label="New password" description={`Whoever is signed in as ${user.name} is signed out.`}>
        <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="new-password" autoFocus />
      </FormField>
    </Dialog>
  );
}
