/** A new user. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { ask, api } from "../api/client";
import type { Role } from "../api/records";
import { tell } from "../shell/notices";
import { Dialog } from "./Dialog";
import { readIdentitiesAgain } from "./identities";
import { RoleField } from "./RoleField";

export function AddUser({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  return (
    <Dialog
      title="Add user"
      submitText="Add user"
      canSubmit={name.trim() !== "" && password !== ""}
      act={() => ask(api.POST("/api/v1/users", { body: { name: name.trim(), role, password } }))}
      onDone={() => {
        tell("success", `${name.trim()} can sign in now.`);
        void readIdentitiesAgain();
      }}
      onClose={onClose}
    >
      <FormField label="Name" description="The ledger, approvals and CloudTrail show it. It can't be changed.">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
      </FormField>
      <RoleField role={role} onChange={setRole} />
      <FormField label="First password" description="Hand it over by a safe way.">
        <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="new-password" />
      </FormField>
    </Dialog>
  );
}
