/** A job's progress as a bar, with words beside it. */
import ProgressBar from "@cloudscape-design/components/progress-bar";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { isOver } from "../api/job-events";
import type { Job } from "../api/records";
import { JOB_STATES, nameKind } from "./kinds";
import { describeProgress, shareOf } from "./progress";

export function JobProgress({ job }: { job: Job }) {
  const share = shareOf(job);
  if (isOver(job) || job.state === "interrupted" || share === null) {
    const { type, words } = JOB_STATES[job.state];
    return <StatusIndicator type={isOver(job) || share === null ? type : "warning"}>{words}</StatusIndicator>;
  }
  return <ProgressBar value={share} ariaLabel={nameKind(job.kind)} additionalInfo={`${describeProgress(job)} accounts`} />;
}
