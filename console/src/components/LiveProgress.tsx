/** The progress of an unfinished job: its phase, what is known of it, and the time left; and a button to cancel it. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { cancelJob, isFinished } from "../api/jobs";
import { hasPermission, useMe } from "../api/queries";
import type { Job } from "../api/records";
import { serverNow } from "../api/server-clock";
import { renderDuration } from "../times/format";
import { useNow } from "../times/Timestamp";

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
  if (total === null || job.state !== "running")
    return (
      <div role="status">
        <StatusIndicator type={job.state === "running" ? "in-progress" : "pending"}>{phase}</StatusIndicator>
        {description && <Box color="text-body-secondary">{description}</Box>}
      </div>
    );
  return <ProgressBar label={phase} ariaLabel={doing} description={description} value={total ? (100 * done) / total : 100} additionalInfo={found} />;
}

/** Such as "Deleting: 310 of 2,216, about 40 s left". */
function describePhase(job: Job, doing: string, done: number, total: number | null, secondsLeft: number | null): string {
  if (job.state === "queued") return "Waiting for a worker";
  if (job.state === "interrupted") return "Interrupted";
  if (total === null) return describeListing(job.progress.listed, done);
  const left = secondsLeft === null ? "" : `, about ${renderDuration(secondsLeft)} left`;
  return `${doing}: ${done.toLocaleString()} of ${total.toLocaleString()}${left}`;
}

/** Accounts are read while others are still listed, so their number isn't known yet. */
function describeListing(listed: number, done: number): string {
  if (listed === 0) return "Listing accounts";
  const read = done > 0 ? `, ${done.toLocaleString()} read` : "";
  return `Listing accounts: ${listed.toLocaleString()} so far${read}`;
}

/** Work in progress is finished, so cancelling needs no confirmation; a cancelled deletion can't lose anything. */
export function CancelButton({ job }: { job: Job }) {
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
  const now = useNow(1_000);
  const [first, setFirst] = useState<{ at: number; done: number } | null>(null);
  useEffect(() => {
    if (total !== null) setFirst((before) => before ?? { at: serverNow(), done });
  }, [done, total]);
  if (first === null || total === null || done <= first.done || done >= total) return null;
  const seconds = (now - first.at) / 1_000;
  return seconds < OBSERVED_SECONDS ? null : Math.ceil(((total - done) * seconds) / (done - first.done));
}
