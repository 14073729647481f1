/** Users: added, given another role or password, disabled. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { Identity } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { AddUser } from "./AddUser";
import { DisableIdentity } from "./DisableIdentity";
import { useIdentities } from "./identities";
import { IdentityTable } from "./IdentityTable";
import { ResetFactors } from "./ResetFactors";
import { SetPassword } from "./SetPassword";
import { SetRole } from "./SetRole";
import { SignOutUser } from "./SignOutUser";

type Asked = "add" | "role" | "password" | "factors" | "sign-out" | "disable";

const CHOOSE_FIRST = "Choose a user first.";

export function UsersTab() {
  const users = useIdentities("user");
  const [selected, setSelected] = useState<Identity | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const user = users.data?.find((one) => one.identity_id === selected?.identity_id) ?? null;
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={users.error} onRetry={() => void users.refetch()} />
      <IdentityTable
        title="Users"
        description="People who sign in with a password and, above auditor, a second factor."
        items={users.data}
        isLoading={users.isPending}
        error={users.error}
        empty="No users yet. Add one for each person: the ledger names who did what."
        selected={user}
        onSelect={setSelected}
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button
              disabled={!user || user.signs_in_by === "oidc"}
              disabledReason={user ? "The groups at the identity provider say which role it is." : CHOOSE_FIRST}
              onClick={() => setAsked("role")}
            >
              Change role
            </Button>
            <Button
              disabled={!user || user.signs_in_by === "oidc"}
              disabledReason={user ? "This user signs in at the identity provider." : CHOOSE_FIRST}
              onClick={() => setAsked("password")}
            >
              Set password
            </Button>
            <Button disabled={!user} disabledReason={CHOOSE_FIRST} onClick={() => setAsked("factors")}>
              Reset second factors
            </Button>
            <Button disabled={!user} disabledReason={CHOOSE_FIRST} onClick={() => setAsked("sign-out")}>
              Sign out
            </Button>
            <Button
              disabled={!user || user.disabled_at !== null}
              disabledReason={user ? "It is disabled already." : CHOOSE_FIRST}
              onClick={() => setAsked("disable")}
            >
              Disable
            </Button>
            <Button variant="primary" onClick={() => setAsked("add")}>
              Add user
            </Button>
          </SpaceBetween>
        }
      />
      {asked === "add" && <AddUser onClose={close} />}
      {user && asked === "role" && <SetRole user={user} onClose={close} />}
      {user && asked === "password" && <SetPassword user={user} onClose={close} />}
      {user && asked === "factors" && <ResetFactors user={user} onClose={close} />}
      {user && asked === "sign-out" && <SignOutUser user={user} onClose={close} />}
      {user && asked === "disable" && <DisableIdentity identity={user} onClose={close} />}
    </SpaceBetween>
  );
}
