/** How far a job is, in words. */
import type { Job } from "../api/records";

export function describeProgress({ progress }: Pick<Job, "progress">): string {
  const { total, done } = progress;
  if (total === null) return done === 0 ? "–" : done.toLocaleString();
  return `${done.toLocaleString()} of ${total.toLocaleString()}`;
}

/** In per cent; `null` while it isn't known of how many. */
export function shareOf({ progress }: Pick<Job, "progress">): number | null {
  if (progress.total === null || progress.total === 0) return null;
  return Math.min(100, Math.round((100 * progress.done) / progress.total));
}
