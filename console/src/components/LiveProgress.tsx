/** The progress of an unfinished job: its phase, what is known of it, the time left, and a button to cancel. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef } from "react";
import { cancelJob, isFinished } from "../api/jobs";
import { hasPermission, useMe } from "../api/queries";
import type { Job } from "../api/records";
import { renderDuration } from "../times/format";

interface LiveProgressProps {
  job: Job;
  /** What the job does with each account, such as "Deleting". */
  doing: string;
  description?: string;
  /** What was found so far, as a sentence. */
  found?: string;
  /** The numbers, where the page knows more than the job. */
  done?: number;
  total?: number | null;
}

export function LiveProgress({ job, doing, description, found, done = job.progress.done, total = job.progress.total }: LiveProgressProps) {
  const secondsLeft = useSecondsLeft(done, total);
  const phase = describePhase(job, doing, done, total, secondsLeft);
  return (
    <SpaceBetween size="xs">
      {total === null || job.state !== "running" ? (
        <div role="status">
          <StatusIndicator type={job.state === "running" ? "in-progress" : "pending"}>{phase}</StatusIndicator>
          {description && <Box color="text-body-secondary">{description}</Box>}
        </div>
      ) : (
        <ProgressBar label={phase} ariaLabel={doing} description={description} value={total ? (100 * done) / total : 100} additionalInfo={found} />
      )}
      <CancelButton job={job} />
    </SpaceBetween>
  );
}

/** Such as "Deleting: 310 of 2,216, about 40 s left". */
function describePhase(job: Job, doing: string, done: number, total: number | null, secondsLeft: number | null): string {
  if (job.state === "queued") return "Waiting for a worker";
  if (job.state === "interrupted") return "Interrupted";
  if (total === null) return done > 0 ? `Listing accounts: ${done.toLocaleString()} read` : "Listing accounts";
  const left = secondsLeft === null ? "" : `, about ${renderDuration(secondsLeft)} left`;
  return `${doing}: ${done.toLocaleString()} of ${total.toLocaleString()}${left}`;
}

/** Work in progress is finished, so cancelling needs no confirmation; a cancelled deletion can't lose anything. */
function CancelButton({ job }: { job: Job }) {
  const { data: me } = useMe();
  const cancelling = useMutation({ mutationFn: () => cancelJob(job.job_id) });
  if (isFinished(job) || !hasPermission(me, "jobs:cancel")) return null;
  return (
    <Button loading={cancelling.isPending} onClick={() => cancelling.mutate()} ariaLabel={`Cancel job ${job.job_id}`}>
      Cancel
    </Button>
  );
}

/** Before so many seconds of observation an estimate would jump. */
const OBSERVED_SECONDS = 3;

/** Estimated from what was done since the page has shown the job; `null` while that is too little. */
function useSecondsLeft(done: number, total: number | null): number | null {
  const first = useRef<{ at: number; done: number } | null>(null);
  useEffect(() => {
    if (total !== null) first.current ??= { at: performance.now(), done };
  }, [done, total]);
  return estimateSecondsLeft(first, done, total);
}

function estimateSecondsLeft(first: RefObject<{ at: number; done: number } | null>, done: number, total: number | null): number | null {
  const begin = first.current;
  if (begin === null || total === null || done <= begin.done || done >= total) return null;
  const seconds = (performance.now() - begin.at) / 1_000;
  if (seconds < OBSERVED_SECONDS) return null;
  return Math.ceil(((total - done) * seconds) / (done - begin.done));
}
