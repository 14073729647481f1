/** Users: invite, change, reset, sign out, disable. No one sets or knows another person's password. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { organizationHref, organizationName } from "../api/place";
import { queries, useMe } from "../api/queries";
import type { Identity, Me, NewLink, Role } from "../api/records";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { Timestamp } from "../times/Timestamp";
import { DisableIdentity, IdentityTable, refreshIdentities, RoleField, useIdentities } from "./identities";
import { ShownOnce } from "./ShownOnce";

type DialogId = "add" | "role" | "reset" | "factors" | "sign-out" | "disable";

const SELECT_FIRST = "Select a user first.";

export function Users() {
  const users = useIdentities("user");
  const { data: me } = useMe();
  const [selected, setSelected] = useState<Identity | null>(null);
  const [dialog, setDialog] = useState<DialogId | null>(null);
  const [made, setMade] = useState<NewLink | null>(null);
  const close = () => setDialog(null);
  const user = users.data?.find((one) => one.identity_id === selected?.identity_id) ?? null;
  return (
    <SpaceBetween size="m">
      <IdentityTable
        title="Users"
        description={describeUsers(me)}
        query={users}
        empty="No users. Invite each person, so that the ledger shows who did what."
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
            {organizationName === null && <Resets user={user} me={me} onOpen={setDialog} />}
            <Button
              disabled={!user || user.disabled_at !== null}
              disabledReason={user ? "The user is already disabled." : SELECT_FIRST}
              onClick={() => setDialog("disable")}
            >
              Disable user
            </Button>
            <Button variant="primary" onClick={() => setDialog("add")}>
              Invite user
            </Button>
          </SpaceBetween>
        }
      />
      {dialog === "add" && <InviteUser onMade={setMade} onClose={close} />}
      {user && dialog === "role" && <SetRole user={user} onClose={close} />}
      {user && dialog === "reset" && <ResetByLink user={user} onMade={setMade} onClose={close} />}
      {user && dialog === "factors" && <ResetFactors user={user} onClose={close} />}
      {user && dialog === "sign-out" && <SignOutUser user={user} onClose={close} />}
      {user && dialog === "disable" && <DisableIdentity identity={user} onClose={close} />}
      {made && <MadeUser made={made} onClose={() => setMade(null)} />}
    </SpaceBetween>
  );
}

/** Password, second factors and sign-ins are the same for all organizations of a server: its own administrators reset them. */
function Resets({ user, me, onOpen }: { user: Identity | null; me: Me | undefined; onOpen: (dialog: DialogId) => void }) {
  return (
    <>
      <Button
        disabled={!user || whyNoReset(user, me) !== null}
        disabledReason={(user && whyNoReset(user, me)) ?? SELECT_FIRST}
        onClick={() => onOpen("reset")}
      >
        Reset by link
      </Button>
      <Button disabled={!user} disabledReason={SELECT_FIRST} onClick={() => onOpen("factors")}>
        Reset second factors
      </Button>
      <Button disabled={!user} disabledReason={SELECT_FIRST} onClick={() => onOpen("sign-out")}>
        Sign out user
      </Button>
    </>
  );
}

const HOW_THEY_SIGN_IN = "Users set their own password by a link and, in roles above auditor, a second factor.";

function describeUsers(me: Me | undefined): string {
  if (me?.serves_organizations)
    return `${HOW_THEY_SIGN_IN} They sign in once for all organizations. Roles here are of the server; each organization gives roles on its own Settings page.`;
  if (organizationName !== null) return `${HOW_THEY_SIGN_IN} They sign in once for all organizations of this server; the role here is for ${organizationName} alone. Administrators of the server reset passwords and second factors.`;
  return HOW_THEY_SIGN_IN;
}

function whyNoReset(user: Identity, me: Me | undefined): string | null {
  if (user.signs_in_by === "oidc") return "This user signs in at the identity provider.";
  if (user.disabled_at !== null) return "The user is disabled.";
  return user.identity_id === me?.identity_id ? "Change your own password in the menu at the top." : null;
}

function InviteUser({ onMade, onClose }: { onMade: (link: NewLink) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  return (
    <Dialog
      title="Invite user"
      submitText={organizationName === null ? "Make link" : "Add user"}
      canSubmit={name.trim() !== ""}
      act={() => unwrap(api.POST("/api/v1/users", { body: { name: name.trim(), role } }))}
      onDone={(made) => {
        onMade(made);
        void refreshIdentities();
      }}
      onClose={onClose}
    >
      <FormField
        label="E-mail address or name"
        description="The person signs in with it. The ledger, approvals and CloudTrail show it. It can't be changed."
        constraintText="With an e-mail address, the person gets mail when their access changes, if this server sends mail."
      >
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
      </FormField>
      <RoleField role={role} onChange={setRole} />
    </Dialog>
  );
}

/** A person whom a server of several organizations knows already needs no link: the address is enough. */
function MadeUser({ made, onClose }: { made: NewLink; onClose: () => void }) {
  if (made.link === null) return <KnownUser name={made.name} onClose={onClose} />;
  return (
    <ShownOnce title={`Link for ${made.name}`} secret={made.link} copyText="Copy the link" doneText="I have copied the link" onClose={onClose}>
      The link isn't shown again. Give it to {made.name} over a secure channel: who opens it first sets the password. It works once, until{" "}
      <Timestamp at={made.link_ends_at} />.
    </ShownOnce>
  );
}

function KnownUser({ name, onClose }: { name: string; onClose: () => void }) {
  const address = new URL(organizationHref(organizationName ?? ""), window.location.origin).href;
  return (
    <ShownOnce type="success" title={`${name} has a role here`} secret={address} copyText="Copy the address" doneText="Done" onClose={onClose}>
      {name} is a user of this server already, and signs in as before. Send {name} the address of this organization:
    </ShownOnce>
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

function ResetByLink({ user, onMade, onClose }: { user: Identity; onMade: (link: NewLink) => void; onClose: () => void }) {
  const params = { path: { name: user.name } };
  return (
    <Dialog
      title={`Reset the password of ${user.name} by a link?`}
      submitText="End password and make link"
      act={() => unwrap(api.POST("/api/v1/identities/{name}/reset-link", { params }))}
      onDone={(made) => {
        onMade(made);
        void refreshIdentities();
        void queries.invalidateQueries({ queryKey: ["sessions"] });
      }}
      onClose={onClose}
    >
      <Box variant="p">
        First verify over another channel that {user.name} made this request. The password, an earlier link and all sign-ins of {user.name}
        {" "}end now. Second factors stay: {user.name} needs them after the new password.
      </Box>
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
