/** What came of a job as a whole: why it couldn't do its work, or its document to keep. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { saveText } from "../api/downloads";
import type { Job } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { isFailure, problemOfOutcome, useOutcome } from "./outcomes";

const DOCUMENTS: { [kind: string]: string } = {
  plan: "The plan: which accounts and credentials, and what is held back and why. It is what a deletion takes.",
  preflight: "The matrix of accounts and tasks, with the policies that block.",
  deletion: "When it ran, and with which AWS caller.",
  unlock: "The policies that were found, or what came of the change.",
  drift_check: "How the set-up differs from the accepted one.",
  ledger_verification: "The verdict on the ledger.",
};

export function JobOutcome({ job }: { job: Job }) {
  const outcome = useOutcome(job);
  if (outcome.error) return <ProblemAlert error={outcome.error} onRetry={() => void outcome.refetch()} />;
  if (!outcome.data) return null;
  if (isFailure(outcome.data)) return <ProblemAlert error={problemOfOutcome(outcome.data)} />;
  if (!(job.kind in DOCUMENTS)) return null;
  const text = JSON.stringify(outcome.data, null, 2);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={DOCUMENTS[job.kind]}
          actions={
            <Button iconName="download" onClick={() => saveText(text, `${job.job_id}.json`)}>
              Download JSON
            </Button>
          }
        >
          Outcome
        </Header>
      }
    />
  );
}
