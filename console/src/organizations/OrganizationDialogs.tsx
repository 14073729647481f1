/** The dialogs that add an organization to the server and remove one, for administrators of the server. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { renderHint } from "../api/hints";
import { organizationHref } from "../api/place";
import { queries } from "../api/queries";
import type { Organization, OrganizationCandidate } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";

/** No AWS profile can have this name. */
const OWN_CREDENTIALS = "";
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const PERCENTAGE = /^([1-9][0-9]?|100)$/;

function refreshOrganizations(): Promise<void> {
  return queries.invalidateQueries({ queryKey: ["organizations"] });
}

/** It is checked first: the facts that AWS gives are confirmed, and a change of the form needs a new check. */
export function AddOrganization({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [profile, setProfile] = useState<string | null>(null);
  const [region, setRegion] = useState("");
  const [share, setShare] = useState("");
  const [checked, setChecked] = useState<OrganizationCandidate | null>(null);
  const profiles = useQuery({ queryKey: ["profiles"], queryFn: () => unwrap(api.GET("/api/v1/organizations/profiles")) });
  const body = { name: name.trim(), profile: profile || null, region: region.trim() || null, api_share: share.trim() === "" ? null : Number(share) };
  const isShare = share.trim() === "" || PERCENTAGE.test(share.trim());
  const change = (set: (value: string) => void) => (value: string) => {
    set(value);
    setChecked(null);
  };
  const check = async () => setChecked(await unwrap(api.POST("/api/v1/organizations/check", { body })));
  const add = async () => {
    await unwrap(api.POST("/api/v1/organizations", { body }));
    notify("success", `${body.name} was added.`, "Its process is starting. Start an audit next. Its Settings say who approves recovery windows and who is notified.");
    await refreshOrganizations();
    onClose();
  };
  const options = [...(profiles.data?.profiles ?? []).map((value) => ({ value, label: value })), { value: OWN_CREDENTIALS, label: "The server's own credentials" }];
  return (
    <Dialog
      title="Add organization"
      submitText={checked ? "Add organization" : "Check"}
      canSubmit={NAME.test(body.name) && profile !== null && isShare}
      act={checked ? add : check}
      onClose={onClose}
      staysOpen
    >
      <FormField label="Name" description="It is in the address of each page and in each command." constraintText="Lower-case letters, digits and hyphens, such as shop-eu. It can't be changed.">
        <Input value={name} onChange={({ detail }) => change(setName)(detail.value)} autoComplete="off" />
      </FormField>
      <FormField
        label="AWS profile"
        description="On the server's machine, of the management account or of a delegated administrator for IAM. Its credentials stay there."
        errorText={profiles.isError && "The profiles can't be read."}
      >
        <Select
          selectedOption={options.find(({ value }) => value === profile) ?? null}
          options={options}
          placeholder="Choose a profile"
          statusType={profiles.isPending ? "loading" : "finished"}
          filteringType={options.length > 10 ? "auto" : "none"}
          onChange={({ detail }) => change(setProfile)(detail.selectedOption.value ?? OWN_CREDENTIALS)}
          expandToViewport
        />
      </FormField>
      <FormField label="Region (optional)" description="Without it, the Region of the profile.">
        <Input value={region} placeholder="us-east-1" onChange={({ detail }) => change(setRegion)(detail.value)} autoComplete="off" />
      </FormField>
      <FormField
        label="Share of AWS's request rates (optional)"
        description="In percent. The rest stays free for other programs in the organization. Without it, the share of the server's settings, 100 by default."
        errorText={!isShare && "A whole number from 1 to 100."}
      >
        <Input value={share} placeholder="100" inputMode="numeric" onChange={({ detail }) => change(setShare)(detail.value)} autoComplete="off" />
      </FormField>
      {checked && <Checked candidate={checked} />}
    </Dialog>
  );
}

const ROLES: Record<OrganizationCandidate["caller_role"], string> = {
  management: "management account",
  delegated_administrator: "delegated administrator for IAM",
  member: "member account",
  unknown: "unknown role",
};

function Checked({ candidate }: { candidate: OrganizationCandidate }) {
  const left = [...candidate.missing.map(({ what, fix }) => `Missing: ${what}. ${renderHint(fix, null)}`), ...candidate.unknown.map((reason) => `Unknown: ${reason}`)];
  return (
    <div aria-live="polite">
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={2}
          items={[
            { label: "Organization", value: candidate.organization_id },
            { label: "Management account", value: candidate.management_account_id },
            { label: "Partition", value: candidate.partition },
            { label: `AWS principal (${ROLES[candidate.caller_role]})`, value: <BreakableText>{candidate.caller_arn}</BreakableText> },
          ]}
        />
        {left.length === 0 ? (
          <Alert type="success">Root access management is set up.</Alert>
        ) : (
          <Alert type="warning" header="The set-up isn't complete. It can be completed after adding.">
            <ul className="plain">
              {left.map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          </Alert>
        )}
      </SpaceBetween>
    </div>
  );
}

export function RemoveOrganization({ organization: { name, organization_id }, onClose }: { organization: Organization; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const params = { path: { name } };
  return (
    <Dialog
      title={`Remove ${name}?`}
      submitText="Remove organization"
      canSubmit={typed.trim() === name}
      act={() => unwrap(api.DELETE("/api/v1/organizations/{name}", { params }))}
      onDone={({ database }) => {
        notify("success", `${name} was removed.`, `Its database stays on the server's machine: ${database}`);
        void refreshOrganizations();
      }}
      onClose={onClose}
    >
      <Box variant="p">
        This server then serves {name} ({organization_id}) no more: no audits, no schedules, no pages. Database, ledger and evidence stay on the server's machine.
        Nothing changes in AWS. While a <Link href={organizationHref(name, "/windows?show=open")}>recovery window</Link> must still be closed, the server refuses.
      </Box>
      <FormField label={`Type ${name} to confirm`}>
        <Input value={typed} onChange={({ detail }) => setTyped(detail.value)} autoComplete="off" />
      </FormField>
    </Dialog>
  );
}
