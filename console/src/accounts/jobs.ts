/** Jobs as these pages follow them: the audits that are on their way, and what came of a job. */
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { AccountResult, Job, JobOutcome } from "../api/records";
import { isFailure, problemOfOutcome } from "../jobs/outcomes";

const LOOK_MILLISECONDS = 10_000;
const PAGE = 500;

/** The audit that was begun last and isn't over, whoever asked for it. */
export function useRunningAudit(): Job | undefined {
  const found = useQuery({
    queryKey: ["jobs", "unfinished"],
    queryFn: () => ask(api.GET("/api/v1/jobs", { params: { query: { unfinished: true, limit: 50 } } })),
    refetchInterval: LOOK_MILLISECONDS,
  });
  return found.data?.jobs.find((job) => job.kind === "audit" && (job.state === "queued" || job.state === "running"));
}

/** What came of a job as a whole; a problem that kept it from its work is thrown as the error that it was. */
export async function readOutcome<T extends JobOutcome>(jobId: string): Promise<T> {
  const outcome = await ask(api.GET("/api/v1/jobs/{job_id}/outcome", { params: { path: { job_id: jobId } } }));
  if (isFailure(outcome)) throw problemOfOutcome(outcome);
  return outcome as T;
}

/** What came of every account of a deletion so far. */
export async function readResults(jobId: string): Promise<AccountResult[]> {
  const found: AccountResult[] = [];
  let after: string | undefined;
  do {
    const params = { path: { job_id: jobId }, query: { limit: PAGE, after } };
    const page = await ask(api.GET("/api/v1/jobs/{job_id}/results", { params }));
    found.push(...page.results);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}
