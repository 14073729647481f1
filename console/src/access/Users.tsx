/** Users: add, change, sign out, disable. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Identity, Role } from "../api/records";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { DisableIdentity, IdentityTable, refreshIdentities, RoleField, useIdentities } from "./identities";

type DialogId = "add" | "role" | "password" | "factors" | "sign-out" | "disable";

const SELECT_FIRST = "Select a user first.";

export function Users() {
  const users = useIdentities("user");
  const [selected, setSelected] = useState<Identity | null>(null);
  const [dialog, setDialog] = useState<DialogId | null>(null);
  const close = () => setDialog(null);
  const user = users.data?.find((one) => one.identity_id === selected?.identity_id) ?? null;
  return (
    <SpaceBetween size="m">
      <IdentityTable
        title="Users"
        description="Users sign in with a password and, in roles above auditor, a second factor."
        query={users}
        empty="No users. Add one for each person, so that the ledger shows who did what."
        selected={user}
        onSelect={setSelected}
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button
              disabled={!user || user.signs_in_by === "oidc"}
              disabledReason={user ? "The groups at the identity provider set the role." : SELECT_FIRST}
              onClick={() => setDialog("role")}
            >
              Change role
            </Button>
            <Button
              disabled={!user || user.signs_in_by === "oidc"}
              disabledReason={user ? "This user signs in at the identity provider." : SELECT_FIRST}
              onClick={() => setDialog("password")}
            >
              Set password
            </Button>
            <Button disabled={!user} disabledReason={SELECT_FIRST} onClick={() => setDialog("factors")}>
              Reset second factors
            </Button>
            <Button disabled={!user} disabledReason={SELECT_FIRST} onClick={() => setDialog("sign-out")}>
              Sign out user
            </Button>
            <Button
              disabled={!user || user.disabled_at !== null}
              disabledReason={user ? "The user is already disabled." : SELECT_FIRST}
              onClick={() => setDialog("disable")}
            >
              Disable user
            </Button>
            <Button variant="primary" onClick={() => setDialog("add")}>
              Add user
            </Button>
          </SpaceBetween>
        }
      />
      {dialog === "add" && <AddUser onClose={close} />}
      {user && dialog === "role" && <SetRole user={user} onClose={close} />}
      {user && dialog === "password" && <SetPassword user={user} onClose={close} />}
      {user && dialog === "factors" && <ResetFactors user={user} onClose={close} />}
      {user && dialog === "sign-out" && <SignOutUser user={user} onClose={close} />}
      {user && dialog === "disable" && <DisableIdentity identity={user} onClose={close} />}
    </SpaceBetween>
  );
}

function AddUser({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  return (
    <Dialog
      title="Add user"
      submitText="Add user"
      canSubmit={name.trim() !== "" && password !== ""}
      act={() => unwrap(api.POST("/api/v1/users", { body: { name: name.trim(), role, password } }))}
      onDone={() => {
        notify("success", `${name.trim()} can now sign in.`);
        void refreshIdentities();
      }}
      onClose={onClose}
    >
      <FormField label="Name" description="The ledger, approvals and CloudTrail show it. It can't be changed.">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
      </FormField>
      <RoleField role={role} onChange={setRole} />
      <FormField label="First password" description="Give it to the user over a secure channel.">
        <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="new-password" />
      </FormField>
    </Dialog>
  );
}

function SetRole({ user, onClose }: { user: Identity; onClose: () => void }) {
  const [role, setRole] = useState(user.role);
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Change the role of ${user.name}`}
      submitText="Change role"
      canSubmit={role !== user.role}
      act={() => unwrap(api.POST("/api/v1/identities/{name}/set-role", { params, body: { role } }))}
      onDone={() => void refreshIdentities()}
      onClose={onClose}
    >
      <RoleField role={role} onChange={setRole} />
    </Dialog>
  );
}

function SetPassword({ user, onClose }: { user: Identity; onClose: () => void }) {
  const [password, setPassword] = useState("");
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Set a password for ${user.name}`}
      submitText="Set password"
      canSubmit={password !== ""}
      act={() => unwrap(api.POST("/api/v1/identities/{name}/set-password", { params, body: { password } }))}
      onDone={() => notify("success", `The password of ${user.name} was changed.`, `${user.name} was signed out.`)}
      onClose={onClose}
    >
      <FormField label="New password" description={`This signs ${user.name} out everywhere.`}>
        <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="new-password" autoFocus />
      </FormField>
    </Dialog>
  );
}

function ResetFactors({ user, onClose }: { user: Identity; onClose: () => void }) {
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Reset the second factors of ${user.name}?`}
      submitText="Reset second factors"
      act={() => unwrap(api.POST("/api/v1/identities/{name}/reset-factors", { params }))}
      onDone={() => notify("success", `The second factors of ${user.name} were removed.`, "If the role requires one, the user sets it up at the next sign-in.")}
      onClose={onClose}
    >
      <Box variant="p">
        First verify over another channel that {user.name} made this request: until a new second factor is set up, the password alone is
        enough to sign in. This also signs {user.name} out everywhere.
      </Box>
    </Dialog>
  );
}

function SignOutUser({ user, onClose }: { user: Identity; onClose: () => void }) {
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Sign ${user.name} out?`}
      submitText="Sign out user"
      act={() => unwrap(api.POST("/api/v1/identities/{name}/sign-out", { params }))}
      onDone={({ ended }) => {
        notify("success", `${user.name} is signed out.`, `${ended} ${ended === 1 ? "sign-in has" : "sign-ins have"} ended.`);
        void queries.invalidateQueries({ queryKey: ["sessions"] });
      }}
      onClose={onClose}
    >
      <Box variant="p">This ends all sign-ins of {user.name}, in browsers and on the command line. {user.name} can sign in again.</Box>
    </Dialog>
  );
}
