/** API tokens: create, show once, disable. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import type { components } from "../api/generated";
import { useMe } from "../api/queries";
import type { Identity, Role } from "../api/records";
import { ChoiceField } from "../components/ChoiceField";
import { Dialog } from "../components/Dialog";
import { Timestamp } from "../times/Timestamp";
import { DisableIdentity, IdentityTable, refreshIdentities, RoleField, useIdentities } from "./identities";
import { ShownOnce } from "./ShownOnce";

export function Tokens() {
  const tokens = useIdentities("token");
  const [selected, setSelected] = useState<Identity | null>(null);
  const [dialog, setDialog] = useState<"create" | "disable" | null>(null);
  const token = tokens.data?.find((one) => one.identity_id === selected?.identity_id) ?? null;
  return (
    <SpaceBetween size="m">
      <IdentityTable
        title="API tokens"
        description="For programs and the command line. Each token is its own identity."
        query={tokens}
        empty="No tokens. Create one for a program or the command line."
        selected={token}
        onSelect={setSelected}
        extraColumns={[
          { id: "limits", header: "Limited to", cell: (token) => <Limits {...token} /> },
          { id: "end", header: "Expires", cell: (one) => <Timestamp at={one.expires_at} none="Never" /> },
        ]}
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button
              disabled={!token?.is_usable}
              disabledReason={token ? "The token isn't valid any more." : "Select a token first."}
              onClick={() => setDialog("disable")}
            >
              Disable token
            </Button>
            <Button variant="primary" onClick={() => setDialog("create")}>
              Create token
            </Button>
          </SpaceBetween>
        }
      />
      {dialog === "create" && <CreateToken onClose={() => setDialog(null)} />}
      {token && dialog === "disable" && <DisableIdentity identity={token} onClose={() => setDialog(null)} />}
    </SpaceBetween>
  );
}

/** Units, and permissions as the API names them. */
function Limits({ limited_to: limits }: Identity) {
  const units = limits?.organizational_units ?? [];
  const permissions = limits?.permissions ?? [];
  if (units.length + permissions.length === 0) return <>–</>;
  return (
    <>
      {units.join(", ")}
      {units.length > 0 && permissions.length > 0 && ", "}
      {permissions.length > 0 && <Box variant="code">{permissions.join(", ")}</Box>}
    </>
  );
}

const ENDS = [
  { value: "7", label: "in 7 days" },
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
];

function CreateToken({ onClose }: { onClose: () => void }) {
  const [token, setToken] = useState<string | null>(null);
  return token === null ? <TokenForm onCreated={setToken} onClose={onClose} /> : <CreatedToken token={token} onClose={onClose} />;
}

function TokenForm({ onCreated, onClose }: { onCreated: (token: string) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [permissions, setPermissions] = useState<readonly Permission[]>([]);
  const [days, setDays] = useState("30");
  const [units, setUnits] = useState("");
  const organizational_units = units
    .split(",")
    .map((unit) => unit.trim())
    .filter((unit) => unit !== "");
  const limits = { permissions: permissions.length ? [...permissions] : null, organizational_units };
  const body = { name: name.trim(), role, expires_in_days: Number(days), ...limits };
  const create = async () => {
    const { token } = await unwrap(api.POST("/api/v1/tokens", { body }));
    void refreshIdentities();
    return token;
  };
  return (
    <Dialog
      title="Create API token"
      submitText="Create token"
      canSubmit={body.name !== ""}
      act={create}
      onDone={(token) => onCreated(token)}
      onClose={onClose}
      staysOpen
    >
      <FormField label="Name" description="The ledger, approvals and CloudTrail show it.">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
      </FormField>
      <RoleField role={role} onChange={setRole} />
      <PermissionsField selected={permissions} onChange={setPermissions} />
      <FormField
        label="Organizational units (optional)"
        description="The token can then act only on accounts below these units."
        constraintText="Ids or paths such as Root/Workloads, separated by commas."
      >
        <Input value={units} onChange={({ detail }) => setUnits(detail.value)} autoComplete="off" />
      </FormField>
      <ChoiceField label="Expiration" options={ENDS} value={days} onChange={setDays} />
    </Dialog>
  );
}

function CreatedToken({ token, onClose }: { token: string; onClose: () => void }) {
  return (
    <ShownOnce title="API token" secret={token} copyText="Copy the token" doneText="I have saved the token" onClose={onClose}>
      The token isn't shown again. Save it where you keep secrets.
    </ShownOnce>
  );
}

type Permission = components["schemas"]["Permission"];

interface PermissionsFieldProps {
  selected: readonly Permission[];
  onChange: (selected: readonly Permission[]) => void;
}

/** Users can only give permissions that they have. */
function PermissionsField({ selected, onChange }: PermissionsFieldProps) {
  const { data: me } = useMe();
  const options = (me?.permissions ?? []).map((permission) => ({ value: permission, label: permission }));
  return (
    <FormField label="Permissions (optional)" description="Limits the token to these permissions of its role.">
      <Multiselect
        selectedOptions={options.filter(({ value }) => selected.includes(value as Permission))}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOptions.map((one) => one.value as Permission))}
        placeholder="All permissions of the role"
        filteringType="auto"
        expandToViewport
      />
    </FormField>
  );
}
