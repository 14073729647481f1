/** The dialog that sets up a failsafe's root login: the server checks it first, and the set-up is then a recovery window. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { usePolicy } from "../api/queries";
import type { FailsafeSetUpCheck, RecoveryWindow } from "../api/records";
import { Dialog } from "../components/Dialog";
import { AccountField } from "../organization/AccountField";
import { renderDuration } from "../times/format";
import { windowPath } from "../windows/states";
import { DurationField } from "../windows/WindowDialogs";
import { refreshWindows } from "../windows/windows";

interface SetUpFailsafeProps {
  /** The initial account. */
  accountId: string;
  onClose: () => void;
}

type Step = { check: FailsafeSetUpCheck } | { requested: RecoveryWindow };

export function SetUpFailsafe({ accountId, onClose }: SetUpFailsafeProps) {
  const navigate = useNavigate();
  const [check, setCheck] = useState<FailsafeSetUpCheck | null>(null);
  const [request, setRequest] = useState({ account: accountId, reason: "", ticket: "", duration_seconds: undefined as number | undefined });
  const policy = usePolicy();
  const change = (part: Partial<typeof request>) => {
    setCheck(null);
    setRequest({ ...request, ...part });
  };
  const call = {
    params: { path: { account_id: request.account.trim() } },
    body: { reason: request.reason.trim(), ticket: request.ticket.trim() || null, duration_seconds: request.duration_seconds },
  };
  const act = async (): Promise<Step> =>
    check === null
      ? { check: await unwrap(api.POST("/api/v1/failsafes/{account_id}/set-up/check", call)) }
      : { requested: await unwrap(api.POST("/api/v1/failsafes/{account_id}/set-up", call)) };
  const takeStep = (step: Step) => {
    if ("check" in step) return setCheck(step.check);
    void refreshWindows();
    return void navigate(windowPath(step.requested.window_id));
  };
  return (
    <Dialog
      title="Set up the root login of a failsafe"
      submitText={check === null ? "Check set-up" : "Request set-up"}
      canSubmit={request.account.trim() !== "" && request.reason.trim() !== "" && !check?.is_complete}
      act={act}
      onDone={takeStep}
      onClose={onClose}
      staysOpen={check === null}
    >
      <AccountField account={request.account} onChange={(account) => change({ account })} description="A delegated administrator account for IAM." />
      <FormField label="Reason" description="Approvers see it, and the ledger and the report record it.">
        <Textarea value={request.reason} rows={2} onChange={({ detail }) => change({ reason: detail.value })} />
      </FormField>
      <FormField label="Ticket (optional)">
        <Input value={request.ticket} onChange={({ detail }) => change({ ticket: detail.value })} autoComplete="off" />
      </FormField>
      <DurationField
        label="Duration"
        description="How long the person at the root mailbox has. Starts when the window opens."
        seconds={request.duration_seconds ?? policy.data?.windows.default_seconds}
        onChange={(duration_seconds) => change({ duration_seconds })}
        longest={policy.data?.windows.longest_seconds}
      />
      <div role="status">{check && <SetUpCheck check={check} />}</div>
    </Dialog>
  );
}

function SetUpCheck({ check }: { check: FailsafeSetUpCheck }) {
  if (check.is_complete)
    return (
      <Alert type="success" header="Nothing to set up.">
        {check.name} ({check.account_id}) has a root login that was used, with MFA, no access key and no signing certificate.
      </Alert>
    );
  return (
    <Alert type="info" header="The check passed.">
      <ul>
        <li>
          {check.name} ({check.account_id}), for {renderDuration(check.duration_seconds)}.
        </li>
        <li>
          While the window is open, anyone who reads the mailbox <strong>{check.email}</strong> can set a password and sign in as root user.
        </li>
        <li>If the login is complete, keep it on the page of the window. If no one keeps it before the end, everything is deleted again.</li>
        {check.remarks.map((remark) => (
          <li key={remark}>{remark}</li>
        ))}
      </ul>
      <Box variant="small">The window opens only after the approvals, when a person opens it.</Box>
    </Alert>
  );
}
