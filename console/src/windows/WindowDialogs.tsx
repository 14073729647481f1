/** The dialogs of the actions on a recovery window. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Select from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { Closing, LoginKept, Opening, RecoveryWindow, WindowBackground } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { Dialog } from "../components/Dialog";
import { FACT_PIXELS } from "../components/PageFrame";
import { notify } from "../components/notices";
import { useAccount } from "../organization/AccountField";
import { renderDuration } from "../times/format";
import { Timestamp } from "../times/Timestamp";
import { Ticket, useDecisionFacts } from "./WindowBackground";
import { activate, approve, cancelRequest, close, deny, extend, keepLogin, review, useBackground } from "./windows";

export function ApproveWindow({ recoveryWindow, name, onClose, onDecided }: DecisionDialogProps) {
  const account = useAccount(recoveryWindow.account_id).data;
  const background = useBackground(recoveryWindow.window_id).data;
  const facts = useDecisionFacts(recoveryWindow);
  return (
    <Dialog title="Approve this window?" submitText="Approve request" act={() => approve(recoveryWindow)} onDone={onDecided} onClose={onClose}>
      <KeyValuePairs
        columns={2} minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Account", value: name },
          { label: "Organizational unit", value: <BreakableText>{account?.ou_path ?? "–"}</BreakableText> },
          { label: "Task", value: describeTask(recoveryWindow, background) },
          { label: "Duration from opening", value: renderDuration(recoveryWindow.duration_seconds) },
          { label: "Requested by", value: recoveryWindow.requested_by },
          { label: "Reason", value: recoveryWindow.reason },
          { label: "Ticket", value: <Ticket ticket={recoveryWindow.ticket} /> },
          { label: "Requested", value: <Timestamp at={recoveryWindow.requested_at} /> },
          ...facts,
        ]}
      />
      <Alert type="info">
        Your approval is valid once, for exactly this account, task and duration. An operator can then open the window.
      </Alert>
    </Dialog>
  );
}

function describeTask({ is_drill }: RecoveryWindow, background: WindowBackground | undefined): string {
  if (background === undefined) return "–";
  if (background.keeps_login) return "Set up the root login of a failsafe, which a person can keep if it is complete";
  const task = background.governs_login ? "Govern the existing root login" : "Recovery of the root user's password";
  return is_drill ? `${task}, as a drill` : task;
}

export function DenyWindow({ recoveryWindow, name, onClose, onDecided }: DecisionDialogProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={`Deny the window for ${name}?`}
      submitText="Deny request"
      canSubmit={reason.trim() !== ""}
      act={() => deny(recoveryWindow, reason.trim())}
      onDone={onDecided}
      onClose={onClose}
    >
      <FormField label="Reason" description={`Shown to ${recoveryWindow.requested_by} and recorded in the ledger and the report.`}>
        <Textarea value={reason} onChange={({ detail }) => setReason(detail.value)} rows={3} autoFocus />
      </FormField>
    </Dialog>
  );
}

export function CancelRequest({ recoveryWindow, name, onClose }: WindowDialogProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={`Cancel the request for ${name}?`}
      submitText="Cancel request"
      closeText="Keep request"
      act={() => cancelRequest(recoveryWindow, reason.trim())}
      onClose={onClose}
    >
      <FormField label="Reason (optional)" description="Recorded in the ledger.">
        <Input value={reason} onChange={({ detail }) => setReason(detail.value)} autoComplete="off" autoFocus />
      </FormField>
    </Dialog>
  );
}

/** @param governsLogin `undefined` while it isn't known. */
function describeOpening(length: string, governsLogin: boolean | undefined): string {
  if (governsLogin === undefined) return `The window is open for ${length} from now.`;
  if (governsLogin) return `The window governs the existing root login for ${length} from now. Nothing is opened in AWS.`;
  return `Password recovery of the root user is allowed for ${length} from now. Anyone who reads the root user's mailbox can then set a password and sign in as root user.`;
}

export function ActivateWindow({ recoveryWindow, name, onClose }: WindowDialogProps) {
  const background = useBackground(recoveryWindow.window_id).data;
  return (
    <Dialog title={`Open the window for ${name}?`} submitText="Open window" act={() => activate(recoveryWindow)} onDone={notifyOpening} onClose={onClose}>
      <Box variant="p">{describeOpening(renderDuration(recoveryWindow.duration_seconds), background?.governs_login)}</Box>
      <Box variant="p">
        {background?.keeps_login
          ? "When the time ends and no one kept the login, the server closes the window and deletes all root user credentials of the account."
          : "When the time ends, the server closes the window and deletes all root user credentials of the account."}{" "}
        The request is checked again before the window opens, which takes a few seconds.
      </Box>
    </Dialog>
  );
}

/** If the result is unknown, the notice says so: the window must still be closed. */
function notifyOpening(opening: Opening): void {
  if (opening.state === "OPEN") notify("success", "The window is open.", "Follow the steps below.");
  else notify("warning", opening.explanation, opening.hint ?? undefined);
}

export function ExtendWindow({ recoveryWindow, name, onClose }: WindowDialogProps) {
  const [seconds, setSeconds] = useState(3_600);
  return (
    <Dialog
      title={`Extend the window for ${name}?`}
      submitText="Approve extension"
      act={async () => {
        const changed = await extend(recoveryWindow, seconds);
        return changed.duration_seconds !== recoveryWindow.duration_seconds;
      }}
      onDone={(isLonger) => {
        if (isLonger) notify("success", `The window was extended by ${renderDuration(seconds)}.`);
        else notify("info", "Your approval was recorded.", "The window is extended when enough users approve the same duration.");
      }}
      onClose={onClose}
    >
      <Box variant="p">
        The window closes at <Timestamp at={recoveryWindow.expires_at} />.
      </Box>
      <DurationField label="Extend by" description="The total duration can't exceed the longest window that the settings allow." seconds={seconds} onChange={setSeconds} />
      {recoveryWindow.approvals_needed > 1 && (
        <Box variant="p">{recoveryWindow.approvals_needed} users must approve the same duration before the window is extended.</Box>
      )}
    </Dialog>
  );
}

export function KeepLogin({ recoveryWindow, name, onClose }: WindowDialogProps) {
  return (
    <Dialog title={`Keep the root login of ${name}?`} submitText="Keep login" act={() => keepLogin(recoveryWindow)} onDone={notifyKept} onClose={onClose}>
      <Box variant="p">
        The server reads the account again. If the login was used and has MFA, no access key and no signing certificate, the window ends and
        the login stays. If not, the window stays open, and you see what is missing.
      </Box>
    </Dialog>
  );
}

function notifyKept(kept: LoginKept): void {
  notify("success", kept.explanation, "Register a second MFA device; one of the two must be hardware. Then choose Check now on Emergency access.");
}

export function CloseWindow({ recoveryWindow, name, onClose }: WindowDialogProps) {
  return (
    <Dialog title={`Close the window for ${name}?`} submitText="Close window" act={() => close(recoveryWindow)} onDone={notifyClosing} onClose={onClose}>
      <Box variant="p">
        This deletes all root user credentials of the account: access keys, signing certificates, the password and MFA devices. A re-read
        then proves that none is left. An open console session of the root user can continue until it expires.
      </Box>
    </Dialog>
  );
}

function notifyClosing(closing: Closing): void {
  notify(closing.is_closed ? "success" : "warning", closing.explanation, closing.hint ?? undefined);
}

export function ReviewWindow({ recoveryWindow, name, onClose }: WindowDialogProps) {
  return (
    <Dialog title="Confirm the review?" submitText="Confirm review" act={() => review(recoveryWindow)} onClose={onClose}>
      <Box variant="p">
        You confirm that you reviewed why {recoveryWindow.requested_by} opened the window for {name} without approval, and what was done in
        it. The ledger records your name.
      </Box>
      <Box variant="p">Reason: {recoveryWindow.reason}</Box>
    </Dialog>
  );
}

interface WindowDialogProps {
  recoveryWindow: RecoveryWindow;
  /** The name and id of the account. */
  name: string;
  onClose: () => void;
}

interface DecisionDialogProps extends WindowDialogProps {
  /** Called after the server accepted the decision. */
  onDecided?: (decided: RecoveryWindow) => void;
}

const LENGTHS = [900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200];

interface DurationFieldProps {
  label: string;
  description: string;
  /** Absent while it isn't known. */
  seconds: number | undefined;
  onChange: (seconds: number) => void;
  /** The longest duration that is offered, in seconds. */
  longest?: number;
}

export function DurationField({ label, description, seconds, onChange, longest = Infinity }: DurationFieldProps) {
  const lengths = [...new Set(seconds ? [...LENGTHS, seconds] : LENGTHS)].sort((one, other) => one - other);
  const options = lengths.filter((length) => length <= longest).map((length) => ({ value: String(length), label: renderDuration(length) }));
  return (
    <FormField label={label} description={description}>
      <Select
        selectedOption={options.find((length) => length.value === String(seconds)) ?? null}
        options={options}
        onChange={({ detail }) => onChange(Number(detail.selectedOption.value))}
        placeholder="Choose a duration"
        expandToViewport
      />
    </FormField>
  );
}
