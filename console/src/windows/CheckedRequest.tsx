/** What the server found when it checked a request: nothing stands in its way, and what to know before asking. */
import Alert from "@cloudscape-design/components/alert";
import type { WindowCheck } from "../api/records";
import { renderDuration } from "./states";

const KINDS = {
  password: "a password",
  access_keys: "access keys",
  signing_certificates: "signing certificates",
  mfa_devices: "MFA devices",
} as const;

export function CheckedRequest({ check, isEmergency }: { check: WindowCheck; isEmergency: boolean }) {
  return (
    <Alert type={isEmergency ? "warning" : "success"} header="Nothing stands in its way.">
      <ul>
        <li>
          {check.name} ({check.account_id}), for {renderDuration(check.duration_seconds)}.
        </li>
        <li>
          The mail for the password goes to <strong>{check.email}</strong>: make sure that somebody can read it.
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
  const found = Object.entries(KINDS).flatMap(([kind, words]) => (check.present[kind as keyof typeof KINDS] ? [words] : []));
  if (found.length === 0) return "The account has no root user credentials now.";
  return `The account has ${found.join(", ")} now: closing deletes them too.`;
}
