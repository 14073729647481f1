/** The page that requests a recovery window: the server checks the request before it is sent. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import type { RecoveryWindow, WindowCheck } from "../api/records";
import { handleSubmit } from "../components/Dialog";
import { PageFrame, ProblemAlert } from "../components/PageFrame";
import { AccountField } from "../organization/AccountField";
import { renderDuration } from "../times/format";
import { windowPath } from "./states";
import { DurationField } from "./WindowDialogs";
import { refreshWindows } from "./windows";

export default function RequestPage() {
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  return (
    <PageFrame
      title="Request a recovery window"
      description="Rootkeeper checks the request first. After approval, an operator can open the window."
    >
      <RequestWindow
        accountId={parameters.get("account") ?? ""}
        onRequested={(made) => void navigate(windowPath(made.window_id))}
        onCancel={() => void navigate("/windows")}
      />
    </PageFrame>
  );
}

interface RequestWindowProps {
  /** The initial account. */
  accountId?: string;
  onRequested: (made: RecoveryWindow) => void;
  onCancel: () => void;
}

const DEFAULTS = { reason: "", ticket: "", duration_seconds: undefined as number | undefined, is_drill: false, is_emergency: false };

function RequestWindow({ accountId = "", onRequested, onCancel }: RequestWindowProps) {
  const [request, setWish] = useState({ ...DEFAULTS, account: accountId });
  const body = { ...request, account: request.account.trim(), reason: request.reason.trim(), ticket: request.ticket.trim() || null };
  const checking = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/windows/check", { body })),
    meta: { showsErrors: true },
  });
  const requesting = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/windows", { body })),
    onSuccess: async (made) => {
      await refreshWindows();
      onRequested(made);
    },
    meta: { showsErrors: true },
  });
  const change = (part: Partial<typeof request>) => {
    checking.reset();
    requesting.reset();
    setWish({ ...request, ...part });
  };
  const isComplete = body.account !== "" && body.reason !== "";
  return (
    <form onSubmit={handleSubmit(() => checking.mutate(), isComplete && !checking.isPending && !requesting.isPending)}>
      <Form
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button variant="link" formAction="none" onClick={onCancel}>
              Cancel
            </Button>
            <Button formAction="submit" disabled={!isComplete} loading={checking.isPending}>
              Check request
            </Button>
            <Button
              variant="primary"
              formAction="none"
              disabled={!checking.data}
              disabledReason="Check the request first. The check finds blocking policies before anyone approves."
              loading={requesting.isPending}
              onClick={() => requesting.mutate()}
            >
              Request window
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Container>
            <RequestFields request={request} onChange={change} />
          </Container>
          <div role="status">
            <ProblemAlert error={checking.error ?? requesting.error} />
            {checking.data && <CheckResult check={checking.data} isEmergency={request.is_emergency} />}
          </div>
        </SpaceBetween>
      </Form>
    </form>
  );
}

type WindowRequest = typeof DEFAULTS & { account: string };

function RequestFields({ request, onChange }: { request: WindowRequest; onChange: (part: Partial<WindowRequest>) => void }) {
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => unwrap(api.GET("/api/v1/policy")) });
  const allowsEmergency = policy.data?.windows.emergency === true;
  const longest = policy.data?.windows.longest_seconds;
  return (
    <SpaceBetween size="m">
      <AccountField
        account={request.account}
        onChange={(account) => onChange({ account })}
        description="The member account that requires a root user sign-in."
      />
      <FormField label="Reason" description="Why the root user is needed. Approvers see it, and the ledger and the report record it.">
        <Textarea value={request.reason} onChange={({ detail }) => onChange({ reason: detail.value })} rows={3} />
      </FormField>
      <FormField label="Ticket (optional)">
        <Input value={request.ticket} onChange={({ detail }) => onChange({ ticket: detail.value })} autoComplete="off" />
      </FormField>
      <DurationField
        label="Duration"
        description="Starts when the window opens. When the window closes, all root user credentials of the account are deleted."
        seconds={request.duration_seconds ?? policy.data?.windows.default_seconds}
        onChange={(duration_seconds) => onChange({ duration_seconds })}
        longest={typeof longest === "number" ? longest : undefined}
      />
      <Checkbox
        checked={request.is_drill}
        onChange={({ detail }) => onChange({ is_drill: detail.checked })}
        description="The same steps, marked as a drill in every list and report."
      >
        This is a drill
      </Checkbox>
      {allowsEmergency && (
        <Checkbox
          checked={request.is_emergency}
          onChange={({ detail }) => onChange({ is_emergency: detail.checked })}
          description="The window opens without approval. All notification targets are informed at once, and a second person must review it within 24 hours."
        >
          This is an emergency
        </Checkbox>
      )}
      {request.is_emergency && (
        <Box color="text-status-error">The window is recorded and reported as an emergency without approval.</Box>
      )}
    </SpaceBetween>
  );
}

const KINDS = {
  password: "a password",
  access_keys: "access keys",
  signing_certificates: "signing certificates",
  mfa_devices: "MFA devices",
} as const;

function CheckResult({ check, isEmergency }: { check: WindowCheck; isEmergency: boolean }) {
  return (
    <Alert type={isEmergency ? "warning" : "success"} header="The check passed.">
      <ul>
        <li>
          {check.name} ({check.account_id}), for {renderDuration(check.duration_seconds)}.
        </li>
        <li>
          AWS sends the password mail to <strong>{check.email}</strong>. Make sure that you can read this mailbox.
        </li>
        <li>{describePresent(check)}</li>
        {check.remarks.map((remark) => (
          <li key={remark}>{remark}</li>
        ))}
      </ul>
    </Alert>
  );
}

function describePresent(check: WindowCheck): string {
  const found = Object.entries(KINDS).flatMap(([kind, name]) => (check.present[kind as keyof typeof KINDS] ? [name] : []));
  if (found.length === 0) return "The account has no root user credentials.";
  return `The account has ${found.join(", ")} now. Closing the window also deletes them.`;
}
