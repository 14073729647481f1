/** Ending a job for good, and letting an interrupted one go on. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { isOver } from "../api/job-events";
import { may } from "../api/queries";
import type { Job, Me } from "../api/records";
import { Dialog } from "../settings/Dialog";
import { nameKind, permissionOf } from "./kinds";
import { cancelJob, resumeJob } from "./outcomes";

export function JobActions({ job, me }: { job: Job; me: Me }) {
  const [asked, setAsked] = useState<"cancel" | "resume" | null>(null);
  const close = () => setAsked(null);
  return (
    <>
      <SpaceBetween size="xs" direction="horizontal">
        {!isOver(job) && may(me, "jobs:cancel") && <Button onClick={() => setAsked("cancel")}>Cancel job</Button>}
        {job.state === "interrupted" && may(me, permissionOf(job.kind)) && (
          <Button variant="primary" onClick={() => setAsked("resume")}>
            Resume
          </Button>
        )}
      </SpaceBetween>
      {asked === "cancel" && <CancelJob job={job} onClose={close} />}
      {asked === "resume" && <ResumeJob job={job} onClose={close} />}
    </>
  );
}

function CancelJob({ job, onClose }: { job: Job; onClose: () => void }) {
  return (
    <Dialog title={`End this job: ${nameKind(job.kind)}?`} submitText="End the job" act={() => cancelJob(job.job_id)} onClose={onClose}>
      <Box variant="p">
        It finishes what is in progress and begins nothing more. What was done stays done. A cancelled job can't go on: ask for a new
        one.
      </Box>
    </Dialog>
  );
}

function ResumeJob({ job, onClose }: { job: Job; onClose: () => void }) {
  const [retriesFailed, setRetriesFailed] = useState(false);
  return (
    <Dialog title="Let the job go on?" submitText="Resume" act={() => resumeJob(job.job_id, retriesFailed)} onClose={onClose}>
      <Box variant="p">What is done isn't done again.</Box>
      <Checkbox
        checked={retriesFailed}
        onChange={({ detail }) => setRetriesFailed(detail.checked)}
        description="Otherwise only what wasn't begun is done."
      >
        Also try again what failed or isn't known
      </Checkbox>
    </Dialog>
  );
}
