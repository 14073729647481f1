/** The dialogs that approve a change of a root e-mail address, and that make it with the one-time password of AWS. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Textarea from "@cloudscape-design/components/textarea";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import type { RootEmail, RootEmailChange, RootEmailChangePlan } from "../api/records";
import { Dialog } from "../components/Dialog";
import { notify } from "../components/notices";
import { FACT_PIXELS, ProblemAlert } from "../components/PageFrame";
import { refreshEmails } from "./emails";

interface ChangeDialogProps {
  account: RootEmail;
  onClose: () => void;
}

export function ApproveChange({ account, onClose }: ChangeDialogProps) {
  const [address, setAddress] = useState("");
  const [reason, setReason] = useState("");
  const body = { account: account.account_id, address: address.trim(), reason: reason.trim() };
  return (
    <Dialog
      title={`Approve a new address for ${account.name}`}
      submitText="Approve change"
      canSubmit={body.address !== "" && body.reason !== ""}
      act={() => unwrap(api.POST("/api/v1/root-emails/approvals", { body }))}
      onDone={(approved) => notify("success", `Approved: ${approved.name} may get the address ${approved.email}.`)}
      onClose={onClose}
    >
      <Box variant="p">
        Your approval is valid once, for exactly this account and address. Another person can then make the change, and anyone who reads the
        new mailbox can reset the root user&apos;s password while recovery is possible.
      </Box>
      <AddressField value={address} onChange={setAddress} />
      <ReasonField value={reason} onChange={setReason} />
    </Dialog>
  );
}

/** Three steps: the request is checked, AWS sends the one-time password, and the operator enters it. */
export function ChangeAddress({ account, onClose }: ChangeDialogProps) {
  const [request, setRequest] = useState({ account: account.account_id, address: "", reason: "" });
  const [plan, setPlan] = useState<RootEmailChangePlan | null>(null);
  const [isStarted, setStarted] = useState(false);
  const title = `Change the root e-mail address of ${account.name}`;
  const body = { ...request, address: request.address.trim(), reason: request.reason.trim() };
  const end = (change: RootEmailChange) => {
    notify(change.outcome === "changed" ? "success" : "warning", change.explanation);
    refreshEmails();
    onClose();
  };
  if (plan === null) {
    return (
      <Dialog
        key="check"
        title={title}
        submitText="Check change"
        canSubmit={body.address !== "" && body.reason !== ""}
        act={() => unwrap(api.POST("/api/v1/root-emails/changes/plan", { body: { ...body, restart: false } }))}
        onDone={(made) => {
          setPlan(made);
          setStarted(made.started_at !== null && !made.is_unneeded);
        }}
        staysOpen
        onClose={onClose}
      >
        <Box variant="p">
          AWS sends a one-time password to the new address, and doesn&apos;t ask the old one. Password and MFA devices stay.
        </Box>
        <AddressField value={request.address} onChange={(address) => setRequest({ ...request, address })} />
        <ReasonField value={request.reason} onChange={(reason) => setRequest({ ...request, reason })} />
      </Dialog>
    );
  }
  if (!isStarted) {
    return (
      <Dialog
        key="start"
        title={title}
        submitText="Send one-time password"
        canSubmit={!plan.is_unneeded}
        act={() => unwrap(api.POST("/api/v1/root-emails/changes", { body: { ...body, restart: false } }))}
        onDone={(change) => (change.outcome === "started" ? setStarted(true) : end(change))}
        staysOpen
        onClose={onClose}
      >
        <ChangeFacts plan={plan} />
        {plan.is_unneeded && <Alert type="info">The account already has this root e-mail address.</Alert>}
      </Dialog>
    );
  }
  return <AcceptChange title={title} plan={plan} body={body} onChanged={end} onClose={onClose} />;
}

interface AcceptChangeProps {
  title: string;
  plan: RootEmailChangePlan;
  body: { account: string; address: string; reason: string };
  onChanged: (change: RootEmailChange) => void;
  onClose: () => void;
}

function AcceptChange({ title, plan, body, onChanged, onClose }: AcceptChangeProps) {
  const [otp, setOtp] = useState("");
  const restarting = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/root-emails/changes", { body: { ...body, restart: true } })),
    meta: { showsErrors: true },
  });
  return (
    <Dialog
      key="accept"
      title={title}
      submitText="Change address"
      canSubmit={otp.trim() !== ""}
      act={() => unwrap(api.POST("/api/v1/one-time-passwords", { body: { ...body, otp: otp.trim() } }))}
      onDone={onChanged}
      staysOpen
      onClose={onClose}
    >
      <ChangeFacts plan={plan} />
      <FormField
        label="One-time password"
        description={`AWS sent it to ${plan.email}. It is valid for 24 hours. You can close this dialog and continue later.`}
      >
        <Input value={otp} type="password" autoComplete="one-time-code" onChange={({ detail }) => setOtp(detail.value)} />
      </FormField>
      <Button formAction="none" loading={restarting.isPending} onClick={() => restarting.mutate()}>
        Send another one-time password
      </Button>
      <ProblemAlert error={restarting.error} />
      {restarting.data && (
        <Alert type={restarting.data.outcome === "started" ? "info" : "error"}>
          {restarting.data.explanation} {restarting.data.outcome === "started" && "Only the newest one is valid."}
        </Alert>
      )}
    </Dialog>
  );
}

function ChangeFacts({ plan }: { plan: RootEmailChangePlan }) {
  return (
    <>
      <KeyValuePairs
        columns={2} minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Account", value: `${plan.name} (${plan.account_id})` },
          { label: "Organization", value: `${plan.organization_id}, ${plan.endpoint}` },
          { label: "Address now", value: plan.email_before },
          { label: "New address", value: plan.email },
        ]}
      />
      {plan.remarks.map((remark) => (
        <Box key={remark}>{remark}</Box>
      ))}
    </>
  );
}

interface FieldProps {
  value: string;
  onChange: (value: string) => void;
}

function AddressField({ value, onChange }: FieldProps) {
  return (
    <FormField label="New address" description="In a domain of the organization, read by a group, and used by no other account.">
      <Input value={value} type="email" autoComplete="off" onChange={({ detail }) => onChange(detail.value)} />
    </FormField>
  );
}

function ReasonField({ value, onChange }: FieldProps) {
  return (
    <FormField label="Reason" description="The ledger records it.">
      <Textarea value={value} onChange={({ detail }) => onChange(detail.value)} rows={2} />
    </FormField>
  );
}
