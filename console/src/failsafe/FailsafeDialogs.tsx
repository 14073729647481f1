/** The dialogs that record a drill and attest what AWS doesn't show of an account. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { useMe } from "../api/queries";
import type { Confirmation, Drill, KnownFailsafe } from "../api/records";
import { serverNow } from "../api/server-clock";
import { ChoiceField } from "../components/ChoiceField";
import { DayField, isInComingYear } from "../components/DayField";
import { Dialog } from "../components/Dialog";
import { endOfDay, isDay, startOfDay, today } from "../times/format";
import { ALARMS, DEVICES, NOT_RECORDED, refreshFailsafes } from "./checks";

interface FailsafeDialogProps {
  account: KnownFailsafe;
  onClose: () => void;
}

type Recorded<T> = NonNullable<T> | "";

function listChoices<T extends string>(words: { readonly [value in T]: string }): { value: T | ""; label: string }[] {
  const known = Object.entries(words) as [T, string][];
  return [{ value: "", label: NOT_RECORDED }, ...known.map(([value, label]) => ({ value, label }))];
}

export function RecordDrill({ account, onClose }: FailsafeDialogProps) {
  const { data: me } = useMe();
  const [heldBy, setHeldBy] = useState(me?.name ?? "");
  const [day, setDay] = useState(today());
  const [outcome, setOutcome] = useState<Drill["outcome"]>("passed");
  const [alarm, setAlarm] = useState<Recorded<Drill["alarm"]>>("");
  const [device, setDevice] = useState<Recorded<Drill["device"]>>("");
  const record = () => {
    const body = {
      held_by: heldBy.trim(),
      held_at: startOfDay(day),
      outcome,
      alarm: alarm || null,
      device: device || null,
    };
    return unwrap(api.POST("/api/v1/failsafes/{account_id}/drills", { params: { path: { account_id: account.account_id } }, body }));
  };
  return (
    <Dialog
      title={`Record a drill in ${account.name}`}
      submitText="Record drill"
      canSubmit={heldBy.trim() !== "" && isDay(day)}
      act={record}
      onDone={refreshFailsafes}
      onClose={onClose}
    >
      <Box variant="p">AWS doesn&apos;t report drills. The ledger records what you enter, with your name; every page shows it as self-asserted.</Box>
      <FormField label="Held by" description="Who signed in as root user.">
        <Input value={heldBy} onChange={({ detail }) => setHeldBy(detail.value)} />
      </FormField>
      <DayField
        label="Held on"
        description="The next drill is due 90 days later."
        value={day}
        onChange={setDay}
        isEnabled={(date) => date.getTime() <= serverNow()}
      />
      <FormField label="Outcome">
        <RadioGroup
          value={outcome}
          onChange={({ detail }) => setOutcome(detail.value as Drill["outcome"])}
          items={[
            { value: "passed", label: "The sign-in worked" },
            { value: "failed", label: "The sign-in failed" },
          ]}
        />
      </FormField>
      <ChoiceField label="Alarm" description="Whether the sign-in raised an alarm." options={listChoices(ALARMS)} value={alarm} onChange={setAlarm} />
      <ChoiceField label="MFA device" description="The kind of device used to sign in." options={listChoices(DEVICES)} value={device} onChange={setDevice} />
    </Dialog>
  );
}

export function AttestFailsafe({ account, onClose }: FailsafeDialogProps) {
  const { data: me } = useMe();
  const [claim, setClaim] = useState<Confirmation["claim"]>("kept");
  const [owner, setOwner] = useState(me?.name ?? "");
  const [reason, setReason] = useState("");
  const [day, setDay] = useState("");
  const attest = () => {
    const body = { claim, owner: owner.trim(), reason: reason.trim(), until: endOfDay(day) };
    return unwrap(
      api.POST("/api/v1/failsafes/{account_id}/attestations", { params: { path: { account_id: account.account_id } }, body }),
    );
  };
  return (
    <Dialog
      title={`Attest ${account.name}`}
      submitText="Attest"
      canSubmit={owner.trim() !== "" && reason.trim() !== "" && isDay(day)}
      act={attest}
      onDone={refreshFailsafes}
      onClose={onClose}
    >
      <FormField label="Claim">
        <RadioGroup
          value={claim}
          onChange={({ detail }) => setClaim(detail.value as Confirmation["claim"])}
          items={[
            {
              value: "kept",
              label: "Its root login is kept on purpose, and is guarded",
              description: "It counts as a failsafe while it has MFA, no access key and no signing certificate.",
            },
            {
              value: "purpose",
              label: "It is for security or management, not for workloads",
              description: "Control 2.1.1 of CIS AWS Foundations Benchmark 7.0 is then Pass (attested).",
            },
          ]}
        />
      </FormField>
      <FormField label="Owner" description="Who is responsible for it.">
        <Input value={owner} onChange={({ detail }) => setOwner(detail.value)} />
      </FormField>
      <FormField label="Reason" description="Why it is so. Reports show it.">
        <Textarea value={reason} rows={3} onChange={({ detail }) => setReason(detail.value)} />
      </FormField>
      <DayField
        description="At most a year. The ledger records the attestation with your name."
        value={day}
        onChange={setDay}
        isEnabled={isInComingYear}
      />
    </Dialog>
  );
}
