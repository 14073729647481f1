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
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import { ProblemError } from "../api/problems";
import { hasPermission, useMe, usePolicy } from "../api/queries";
import type { RecoveryWindow, WindowCheck } from "../api/records";
import { handleSubmit } from "../components/Dialog";
import { PageFrame, ProblemAlert } from "../components/PageFrame";
import { AccountField } from "../organization/AccountField";
import { type AccountRow, useListing } from "../organization/listing";
import { selectedAccounts } from "../organization/selection";
import { renderDuration } from "../times/format";
import { RelativeTime } from "../times/Timestamp";
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

const DEFAULTS = {
  reason: "",
  ticket: "",
  duration_seconds: undefined as number | undefined,
  is_drill: false,
  is_emergency: false,
  /** What a check showed of the account; `undefined` before. */
  governs_login: undefined as boolean | undefined,
};

function RequestWindow({ accountId = "", onRequested, onCancel }: RequestWindowProps) {
  const [request, setWish] = useState({ ...DEFAULTS, account: accountId });
  const known = useAccountRow(request.account.trim());
  const governsLogin = request.governs_login ?? (known?.role === "member" && known.status !== "recovery_open" && known.kinds?.includes("password") === true);
  const body = {
    ...request,
    account: request.account.trim(),
    reason: request.reason.trim(),
    ticket: request.ticket.trim() || null,
    governs_login: governsLogin,
  };
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
    const governs_login = part.account === undefined ? request.governs_login : undefined;
    setWish({ ...request, governs_login, ...part });
  };
  const error = checking.error ?? requesting.error;
  const otherKind = findOtherKind(error);
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
            <RequestFields request={request} onChange={change} existingLogin={governsLogin && <ExistingLogin known={known} />} />
          </Container>
          <div role="status">
            <SpaceBetween size="s">
              <ProblemAlert error={error} />
              {otherKind !== null && (
                <SpaceBetween size="xs" direction="horizontal">
                  <Button formAction="none" onClick={() => change({ governs_login: otherKind })}>
                    {otherKind ? "Govern the existing login" : "Allow password recovery instead"}
                  </Button>
                  {otherKind && <DeleteLogin known={known} />}
                </SpaceBetween>
              )}
              {checking.data && <CheckResult check={checking.data} isEmergency={request.is_emergency} governsLogin={governsLogin} />}
            </SpaceBetween>
          </div>
        </SpaceBetween>
      </Form>
    </form>
  );
}

type WindowRequest = typeof DEFAULTS & { account: string };

/** Which kind of window is possible after a check refused the other one: whether it governs an existing login. */
function findOtherKind(error: unknown): boolean | null {
  const code = error instanceof ProblemError ? error.hintCode : null;
  return code === "window.password" ? true : code === "window.no_login" ? false : null;
}

/** The account of that id, or of that name if no other account has it. */
function useAccountRow(account: string): AccountRow | undefined {
  const { data } = useListing(LISTING_FRESH_MILLISECONDS);
  const found = data?.accounts.filter((row) => row.account_id === account || row.name === account) ?? [];
  return found.length === 1 ? found[0] : undefined;
}

const LISTING_FRESH_MILLISECONDS = 60_000;

/** What the window does with a password that the account has already. */
function ExistingLogin({ known }: { known: AccountRow | undefined }) {
  return (
    <Alert type="info" header="The account has a root password already. The window governs this login." action={<DeleteLogin known={known} />}>
      The approval is the same, and nothing is opened in AWS. When the window closes, the login is deleted with all other root user credentials.
      If no one needs the login, delete it now.{" "}
      {known && (
        <>
          The account was read <RelativeTime at={known.observedAt} />.
        </>
      )}
    </Alert>
  );
}

function DeleteLogin({ known }: { known: AccountRow | undefined }) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  if (!known || !hasPermission(me, "root_credentials:delete")) return null;
  const start = () => {
    selectedAccounts.set(new Set([known.account_id]));
    void navigate("/accounts/delete");
  };
  return (
    <Button formAction="none" onClick={start}>
      Delete root user credentials
    </Button>
  );
}

interface RequestFieldsProps {
  request: WindowRequest;
  onChange: (part: Partial<WindowRequest>) => void;
  /** Shown with the account, if it has a password already. */
  existingLogin: ReactNode;
}

function RequestFields({ request, onChange, existingLogin }: RequestFieldsProps) {
  const policy = usePolicy();
  const allowsEmergency = policy.data?.windows.emergency === true;
  const longest = policy.data?.windows.longest_seconds;
  return (
    <SpaceBetween size="m">
      <AccountField
        account={request.account}
        onChange={(account) => onChange({ account })}
        description="The member account that requires a root user sign-in."
      />
      {existingLogin}
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

function CheckResult({ check, isEmergency, governsLogin }: { check: WindowCheck; isEmergency: boolean; governsLogin: boolean }) {
  return (
    <Alert type={isEmergency ? "warning" : "success"} header="The check passed.">
      <ul>
        <li>
          {check.name} ({check.account_id}), for {renderDuration(check.duration_seconds)}.
        </li>
        <li>
          {governsLogin ? "The root user signs in with the existing password of " : "AWS sends the password mail to "}
          <strong>{check.email}</strong>.{governsLogin || " Make sure that you can read this mailbox."}
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
