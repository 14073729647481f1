/** Another role for a user. */
import { useState } from "react";
import { ask, api } from "../api/client";
import type { Identity } from "../api/records";
import { Dialog } from "./Dialog";
import { readIdentitiesAgain } from "./identities";
import { RoleField } from "./RoleField";

export function SetRole({ user, onClose }: { user: Identity; onClose: () => void }) {
  const [role, setRole] = useState(user.role);
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Role of ${user.name}`}
      submitText="Change role"
      canSubmit={role !== user.role}
      act={() => ask(api.POST("/api/v1/identities/{name}/set-role", { params, body: { role } }))}
      onDone={() => void readIdentitiesAgain()}
      onClose={onClose}
    >
      <RoleField role={role} onChange={setRole} />
    </Dialog>
  );
}
