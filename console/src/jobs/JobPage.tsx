/** The page of one job: live progress, results, outcome, cancel and resume. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useParams } from "react-router";
import { saveText } from "../api/downloads";
import { cancelJob, findOutcomeProblem, isFailedOutcome, isFinished, resumeJob, useJob, useOutcome } from "../api/jobs";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { Job, Me } from "../api/records";
import { Dialog } from "../components/Dialog";
import { useFollowLink } from "../components/links";
import { FACT_PIXELS, PageFrame, ProblemAlert, QueryPlaceholder, QueryProblem } from "../components/PageFrame";
import { JobResults } from "../deletion/DeletionResults";
import { Timestamp } from "../times/Timestamp";
import { describeProgress, JobProgress } from "./JobOutcomeView";
import { describeKind, findResultPage, permissionOf } from "./kinds";

export default function JobPage() {
  const { job_id = "" } = useParams();
  const { data: me } = useMe();
  const found = useJob(job_id);
  if (found.data && me) return <Contents job={found.data} me={me} />;
  return (
    <PageFrame title="Job">
      <QueryPlaceholder query={found} height="20rem" />
    </PageFrame>
  );
}

function Contents({ job, me }: { job: Job; me: Me }) {
  return (
    <PageFrame
      title={describeKind(job.kind)}
      description={`${job.job_id}, requested by ${job.created_by}`}
      actions={
        <SpaceBetween size="xs" direction="horizontal">
          <JobActions job={job} me={me} />
          <ResultLink job={job} />
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Interruption job={job} />
        <Container header={<Header variant="h2">State</Header>}>
          <SpaceBetween size="m">
            <JobProgress job={job} />
            <Facts job={job} />
          </SpaceBetween>
        </Container>
        <OutcomeDownload job={job} />
        {job.kind === "deletion" && <JobResults job={job} />}
      </SpaceBetween>
    </PageFrame>
  );
}

function ResultLink({ job }: { job: Job }) {
  const follow = useFollowLink();
  const result = findResultPage(job);
  if (!result || !isFinished(job)) return null;
  return (
    <Button variant="primary" href={pageHref(result.href)} onFollow={follow}>
      {result.text}
    </Button>
  );
}

function Interruption({ job }: { job: Job }) {
  if (job.state !== "interrupted") return null;
  const isRetried = job.next_attempt_at !== null;
  return (
    <Alert type="warning" header={job.remark ?? "The job was interrupted."}>
      {isRetried ? (
        <>
          The server resumes it automatically at <Timestamp at={job.next_attempt_at} />. Finished work isn't repeated.
        </>
      ) : (
        "Resume the job to continue. Finished work isn't repeated."
      )}
    </Alert>
  );
}

/** Jobs that count accounts with credentials. */
const COUNTED_KINDS = ["audit", "deletion"];

function Facts({ job }: { job: Job }) {
  return (
    <KeyValuePairs
      columns={4} minColumnWidth={FACT_PIXELS}
      items={[
        { label: "Accounts processed", value: describeProgress(job) },
        ...(COUNTED_KINDS.includes(job.kind)
          ? [
              { label: "With root user credentials", value: job.progress.present.toLocaleString() },
              { label: "Unknown", value: job.progress.unknown.toLocaleString() },
              { label: "Not read this time", value: job.progress.unread.toLocaleString() },
            ]
          : []),
        { label: "Remark", value: job.remark ?? "–" },
        { label: "Requested", value: <Timestamp at={job.created_at} /> },
        { label: "Last change", value: <Timestamp at={job.updated_at} /> },
        { label: "Ended", value: <Timestamp at={job.ended_at} none="Not yet" /> },
        { label: "Retries", value: job.attempts === 0 ? "None" : String(job.attempts) },
      ]}
    />
  );
}

function JobActions({ job, me }: { job: Job; me: Me }) {
  const [dialog, setDialog] = useState<"cancel" | "resume" | null>(null);
  const close = () => setDialog(null);
  return (
    <>
      <SpaceBetween size="xs" direction="horizontal">
        {!isFinished(job) && hasPermission(me, "jobs:cancel") && <Button onClick={() => setDialog("cancel")}>Cancel job</Button>}
        {job.state === "interrupted" && hasPermission(me, permissionOf(job.kind)) && (
          <Button variant="primary" onClick={() => setDialog("resume")}>
            Resume job
          </Button>
        )}
      </SpaceBetween>
      {dialog === "cancel" && <CancelJob job={job} onClose={close} />}
      {dialog === "resume" && <ResumeJob job={job} onClose={close} />}
    </>
  );
}

function CancelJob({ job, onClose }: { job: Job; onClose: () => void }) {
  return (
    <Dialog title={`Cancel this job: ${describeKind(job.kind)}?`} submitText="Cancel job" closeText="Keep job" act={() => cancelJob(job.job_id)} onClose={onClose}>
      <Box variant="p">
        Work in progress is finished, and nothing more is started. Finished work isn't undone. You can't resume a cancelled job: start a
        new one.
      </Box>
    </Dialog>
  );
}

function ResumeJob({ job, onClose }: { job: Job; onClose: () => void }) {
  const [retriesFailed, setRetriesFailed] = useState(false);
  return (
    <Dialog title="Resume this job?" submitText="Resume job" act={() => resumeJob(job.job_id, retriesFailed)} onClose={onClose}>
      <Box variant="p">Finished work isn't repeated.</Box>
      <Checkbox
        checked={retriesFailed}
        onChange={({ detail }) => setRetriesFailed(detail.checked)}
        description="If not selected, only accounts that weren't started are processed."
      >
        Also retry failed and unknown accounts
      </Checkbox>
    </Dialog>
  );
}

const DOCUMENTS: { [kind: string]: string } = {
  plan: "The plan: accounts, credentials, and skipped accounts with the reason. A deletion uses this document.",
  report_delivery: "What arrived at each place, and each finding that didn't.",
  preflight: "The matrix of accounts and tasks, with the policies that block.",
  deletion: "The time of the deletion and its AWS caller.",
  unlock: "The policies, or the result of the change.",
  drift_check: "The differences between the current and the accepted set-up.",
  ledger_verification: "The result of the verification.",
};

function OutcomeDownload({ job }: { job: Job }) {
  const outcome = useOutcome(job);
  if (outcome.error) return <QueryProblem query={outcome} />;
  if (!outcome.data) return null;
  if (isFailedOutcome(outcome.data)) return <ProblemAlert error={findOutcomeProblem(job, outcome.data)} />;
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
