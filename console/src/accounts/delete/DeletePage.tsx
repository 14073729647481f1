/**
 * Deleting root user credentials: chosen, planned, reviewed, done. Each step's job stands in the address, so that a
 * reload, another browser or a new sign-in goes on where it was.
 */
import "../accounts.css";
import { useSearchParams } from "react-router";
import { Headed } from "../../shell/Headed";
import { chosenAccounts } from "../chosen";
import { Choice } from "./Choice";
import { DeletionRun } from "./DeletionRun";
import { PlanReview } from "./PlanReview";

export default function DeletePage() {
  const [parameters, setParameters] = useSearchParams();
  const planId = parameters.get("plan");
  const runId = parameters.get("run");
  return (
    <Headed
      title="Delete root user credentials"
      description="Accounts stay. What goes is their root users' access keys, signing certificates, password and MFA devices, in this order."
    >
      {runId ? (
        <DeletionRun key={runId} jobId={runId} />
      ) : planId ? (
        <PlanReview
          key={planId}
          jobId={planId}
          onPlanned={(id) => setParameters({ plan: id })}
          onBegun={(id) => {
            chosenAccounts.set(new Set());
            setParameters({ run: id });
          }}
          onBack={() => setParameters({})}
        />
      ) : (
        <Choice onPlanned={(id) => setParameters({ plan: id })} />
      )}
    </Headed>
  );
}
