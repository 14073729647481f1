/** A new API token, shown this once. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ask, api } from "../api/client";
import type { Role } from "../api/records";
import { isMeant } from "../shell/dismissals";
import { Dialog } from "./Dialog";
import { readIdentitiesAgain } from "./identities";
import { PermissionsField, type Permission } from "./PermissionsField";
import { RoleField } from "./RoleField";

const ENDS = [
  { value: "7", label: "in 7 days" },
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
];

export function CreateToken({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<string | null>(null);
  return made === null ? <TokenForm onMade={setMade} onClose={onClose} /> : <MadeToken token={made} onClose={onClose} />;
}

function TokenForm({ onMade, onClose }: { onMade: (token: string) => void; onClose: () => void }) {
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
    const { token } = await ask(api.POST("/api/v1/tokens", { body }));
    void readIdentitiesAgain();
    return token;
  };
  return (
    <Dialog
      title="Make an API token"
      submitText="Make token"
      canSubmit={body.name !== ""}
      act={create}
      onDone={(token) => onMade(token)}
      onClose={onClose}
      staysOpen
    >
      <FormField label="Name" description="The ledger, approvals and CloudTrail show it.">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
      </FormField>
      <RoleField role={role} onChange={setRole} />
      <PermissionsField chosen={permissions} onChange={setPermissions} />
      <FormField
        label="Organizational units (optional)"
        description="What is done with the token is then about accounts below one of them alone."
        constraintText="Ids, or paths such as Root/Workloads, with commas between them."
      >
        <Input value={units} onChange={({ detail }) => setUnits(detail.value)} autoComplete="off" />
      </FormField>
      <FormField label="Ends">
        <Select
          selectedOption={ENDS.find((one) => one.value === days) ?? null}
          options={ENDS}
          onChange={({ detail }) => setDays(detail.selectedOption.value ?? "30")}
          expandToViewport
        />
      </FormField>
    </Dialog>
  );
}

function MadeToken({ token, onClose }: { token: string; onClose: () => void }) {
  return (
    <Modal
      visible
      header="The token"
      onDismiss={({ detail }) => isMeant(detail.reason) && onClose()}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            I have kept it
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning">It isn't shown again. Keep it where secrets are kept.</Alert>
        <CopyToClipboard
          variant="inline"
          textToCopy={token}
          copyButtonAriaLabel="Copy the token"
          copySuccessText="Copied"
          copyErrorText="The browser didn't copy it: select it by hand."
        />
      </SpaceBetween>
    </Modal>
  );
}
