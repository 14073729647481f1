/** The page of emergency access, in the order of an emergency: the verdict, who can open root, drills, the runbook. */
import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMe } from "../api/queries";
import type { BreakglassChecks, EmergencyAccess, FailsafeChecks } from "../api/records";
import { serverNow } from "../api/server-clock";
import { PageFrame, QueryPlaceholder } from "../components/PageFrame";
import { Timestamp } from "../times/Timestamp";
import { CheckResult, useChecks } from "./CheckJobs";
import { useEmergencyAccess } from "./checks";
import { CheckTable } from "./CheckTable";
import { Drills } from "./Drills";
import { KeptLogins } from "./KeptLogins";
import { OpenSetUps, OpenWindows } from "./OpenWindows";
import { Callers, WaysIn } from "./Openers";
import { Runbooks } from "./Runbooks";
import { WindowPeople } from "./WindowPeople";

const NO_FAILSAFE_CHECK = "The failsafe wasn't checked yet. A check reads mailbox, password, MFA devices, keys, drill and policies.";
const NO_ACCESS_CHECK = "Who can open root sessions wasn't checked yet. A check reads users, roles and permission sets, and which access remains without Identity Center.";

export default function EmergencyAccessPage() {
  const { data: me } = useMe();
  const checks = useChecks();
  return (
    <div className="print-page">
      <PageFrame
        title="Emergency access"
        description="Who can open root today and through what, and what to do when the identity provider fails."
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            {checks.button}
            <Button iconName="file" onClick={() => window.print()}>
              Print
            </Button>
          </SpaceBetween>
        }
      >
        <p className="print-only">
          Organization {me?.organization_id}, printed <Timestamp at={new Date(serverNow()).toISOString()} />.
        </p>
        <SpaceBetween size="l">
          <Verdict />
          <OpenSetUps />
          <section className="print-section">
            <SpaceBetween size="l">
              <KeptLogins />
              <WindowPeople />
              <OpenWindows />
              <CheckResult<BreakglassChecks> check={checks.breakglass} empty={NO_ACCESS_CHECK}>
                {(found) => (
                  <SpaceBetween size="l">
                    <WaysIn waysIn={found.ways_in} observedAt={found.observed_at} />
                    <Callers callers={found.openers} />
                  </SpaceBetween>
                )}
              </CheckResult>
              <Drills />
            </SpaceBetween>
          </section>
          <section className="print-section">
            <Runbooks />
          </section>
          <section className="print-section">
            <SpaceBetween size="l">
              <CheckResult<FailsafeChecks> check={checks.failsafe} empty={NO_FAILSAFE_CHECK}>
                {(found) => <CheckTable title="Checks of the failsafe" checks={found.checks} observedAt={found.observed_at} />}
              </CheckResult>
              <CheckResult<BreakglassChecks> check={checks.breakglass} empty={null}>
                {(found) => <CheckTable title="Checks of the access" checks={found.checks} observedAt={found.observed_at} />}
              </CheckResult>
            </SpaceBetween>
          </section>
        </SpaceBetween>
      </PageFrame>
    </div>
  );
}

const VERDICTS: { readonly [verdict in "pass" | "fail" | "unknown"]: { type: AlertProps.Type; header: string } } = {
  pass: { type: "success", header: "The failsafe is in order." },
  fail: { type: "error", header: "The failsafe isn't in order." },
  unknown: { type: "warning", header: "Unknown whether the failsafe is in order." },
};

function Verdict() {
  const found = useEmergencyAccess();
  if (!found.data) return <QueryPlaceholder query={found} height="5rem" />;
  const { verdict, reasons } = found.data;
  const { type, header } = VERDICTS[verdict === "not_applicable" ? "unknown" : verdict];
  return (
    <Alert type={type} header={header}>
      {reasons.length > 0 && (
        <ul className="plain">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <CheckedAt found={found.data} />
    </Alert>
  );
}

function CheckedAt({ found }: { found: EmergencyAccess }) {
  if (found.checked_at === null) return <>Never checked.</>;
  return (
    <>
      Checked <Timestamp at={found.checked_at} />.
    </>
  );
}
