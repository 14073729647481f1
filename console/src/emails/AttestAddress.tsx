/** The dialog in which a person attests that a group reads an address. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { useMe } from "../api/queries";
import { DayField } from "../components/DayField";
import { Dialog } from "../components/Dialog";
import { endOfDay, isDay } from "../times/format";
import { refreshEmails } from "./emails";

export function AttestAddress({ address: given, onClose }: { address: string; onClose: () => void }) {
  const { data: me } = useMe();
  const [address, setAddress] = useState(given);
  const [attestedBy, setAttestedBy] = useState(me?.name ?? "");
  const [day, setDay] = useState("");
  const attest = () => {
    const body = { address: address.trim(), attested_by: attestedBy.trim(), until: endOfDay(day) };
    return unwrap(api.POST("/api/v1/root-emails/attestations", { body }));
  };
  return (
    <Dialog
      title="Attest that a group reads an address"
      submitText="Attest"
      canSubmit={address.trim() !== "" && attestedBy.trim() !== "" && isDay(day)}
      act={attest}
      onDone={refreshEmails}
      onClose={onClose}
    >
      <Box variant="p">AWS doesn&apos;t show who reads a mailbox. The ledger records the attestation with your name. It also covers the address with a plus sign.</Box>
      <FormField label="Address" description="A root e-mail address, in use or planned.">
        <Input value={address} type="email" onChange={({ detail }) => setAddress(detail.value)} />
      </FormField>
      <FormField label="Attested by" description="The person who attests it.">
        <Input value={attestedBy} onChange={({ detail }) => setAttestedBy(detail.value)} />
      </FormField>
      <DayField description="Then the address counts as unattested again." value={day} onChange={setDay} />
    </Dialog>
  );
}
