/** A job followed until it finishes: progress, then its outcome or the problem. */
import Container from "@cloudscape-design/components/container";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import { findOutcomeProblem, isFailedOutcome, isFinished, useJob, useOutcome } from "../api/jobs";
import type { Job, JobOutcome } from "../api/records";
import { LiveProgress } from "../components/LiveProgress";
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
  if (!isFinished(job) && job.state !== "interrupted") return <LiveProgress job={job} doing={describeKind(job.kind)} />;
  const { type, label } = JOB_STATES[job.state];
  return <StatusIndicator type={type}>{label}</StatusIndicator>;
}

export function describeProgress({ progress }: Pick<Job, "progress">): string {
  const { total, done, listed } = progress;
  if (total === null) {
    const parts = [done > 0 && done.toLocaleString(), listed > 0 && `${listed.toLocaleString()} listed`];
    return parts.filter(Boolean).join(", ") || "–";
  }
  return `${done.toLocaleString()} of ${total.toLocaleString()}`;
}
