/** A job followed to its end, and then what came of it: its progress, why it couldn't, or its document. */
import Container from "@cloudscape-design/components/container";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { useJob } from "../api/job-events";
import { ProblemError } from "../api/problems";
import type { Job, JobOutcome } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { JobProgress } from "./JobProgress";
import { isFailure, problemOfOutcome, useOutcome } from "./outcomes";

interface JobAnswerProps<T> {
  jobId: string;
  children: (answer: T, job: Job) => ReactNode;
}

export function JobAnswer<T extends JobOutcome>({ jobId, children }: JobAnswerProps<T>) {
  const job = useJob(jobId);
  const outcome = useOutcome<T>(job.data);
  const error = job.error ?? outcome.error;
  if (isFailure(outcome.data)) return <ProblemAlert error={problemOfOutcome(outcome.data)} />;
  if (job.data && outcome.data) return <>{children(outcome.data, job.data)}</>;
  if (error) return <ProblemAlert error={error} onRetry={() => void (job.error ? job.refetch() : outcome.refetch())} />;
  if (!job.data) return <Skeleton height="6rem" />;
  if (outcome.data === null) return <ProblemAlert error={withoutOutcome(job.data)} />;
  return (
    <Container>
      <SpaceBetween size="xs">
        <JobProgress job={job.data} />
        {job.data.remark && <div>{job.data.remark}</div>}
      </SpaceBetween>
    </Container>
  );
}

/** It is over and left no document, such as one that was cancelled. */
function withoutOutcome(job: Job): ProblemError {
  return new ProblemError(404, null, job.remark ?? "It ended without an answer.", "Ask for it again.", null);
}
