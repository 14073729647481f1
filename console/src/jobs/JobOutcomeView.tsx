/** A job followed until it finishes: progress, then its outcome or the problem. */
import Container from "@cloudscape-design/components/container";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import { findOutcomeProblem, isFailedOutcome, isFinished, useJob, useOutcome } from "../api/jobs";
import type { Job, JobOutcome } from "../api/records";
import { ProblemAlert } from "../components/PageFrame";
import { describeKind, JOB_STATES } from "./kinds";

interface JobOutcomeViewProps<T> {
  jobId: string;
  children: (outcome: T, job: Job) => ReactNode;
}

export function JobOutcomeView<T extends JobOutcome>({ jobId, children }: JobOutcomeViewProps<T>) {
  const job = useJob(jobId);
  const outcome = useOutcome<T>(job.data);
  const error = job.error ?? outcome.error;
  if (job.data && outcome.data && !isFailedOutcome(outcome.data)) return <>{children(outcome.data, job.data)}</>;
  if (error) return <ProblemAlert error={error} onRetry={() => void (job.error ? job.refetch() : outcome.refetch())} />;
  if (!job.data) return <Skeleton height="6rem" />;
  const problem = findOutcomeProblem(job.data, outcome.data);
  if (problem) return <ProblemAlert error={problem} />;
  return (
    <Container>
      <SpaceBetween size="xs">
        <JobProgress job={job.data} />
        {job.data.remark && <div>{job.data.remark}</div>}
      </SpaceBetween>
    </Container>
  );
}

export function JobProgress({ job }: { job: Job }) {
  const percentage = computePercentage(job);
  if (isFinished(job) || job.state === "interrupted" || percentage === null) {
    const { type, label } = JOB_STATES[job.state];
    return <StatusIndicator type={isFinished(job) || percentage === null ? type : "warning"}>{label}</StatusIndicator>;
  }
  return <ProgressBar value={percentage} ariaLabel={describeKind(job.kind)} additionalInfo={`${describeProgress(job)} accounts`} />;
}

export function describeProgress({ progress }: Pick<Job, "progress">): string {
  const { total, done } = progress;
  if (total === null) return done === 0 ? "–" : done.toLocaleString();
  return `${done.toLocaleString()} of ${total.toLocaleString()}`;
}

/** In percent; `null` while the total is unknown. */
function computePercentage({ progress }: Pick<Job, "progress">): number | null {
  if (progress.total === null || progress.total === 0) return null;
  return Math.min(100, Math.round((100 * progress.done) / progress.total));
}
