/** What came of a job: its one document, and its results account by account. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { isOver } from "../api/job-events";
import { ProblemError } from "../api/problems";
import { queries } from "../api/queries";
import type { FailedOutcome, Job, JobKind, JobOutcome } from "../api/records";

const NOT_FOUND = 404;

/** The document of a job that is over, which its kind tells the type of; `null` where it has none. */
export function useOutcome<T extends JobOutcome>(job: Job | undefined) {
  return useQuery({
    queryKey: ["job-outcome", job?.job_id],
    queryFn: () => readOutcome<T>(job?.job_id ?? ""),
    enabled: job !== undefined && isOver(job),
    staleTime: Infinity,
    structuralSharing: false,
  });
}

async function readOutcome<T extends JobOutcome>(job_id: string): Promise<T | FailedOutcome | null> {
  try {
    return (await ask(api.GET("/api/v1/jobs/{job_id}/outcome", { params: { path: { job_id } } }))) as T | FailedOutcome;
  } catch (error) {
    if (error instanceof ProblemError && error.status === NOT_FOUND) return null;
    throw error;
  }
}

export function isFailure(outcome: JobOutcome | null | undefined): outcome is FailedOutcome {
  return outcome !== null && outcome !== undefined && "problem" in outcome;
}

export function problemOfOutcome({ problem }: FailedOutcome): ProblemError {
  return new ProblemError(NOT_FOUND, problem.code, problem.detail, problem.hint, null);
}

/** What came of the accounts of a deletion. */
export function useResults(jobId: string, goesOn: boolean, after: string | undefined) {
  return useQuery({
    queryKey: ["job-results", jobId, after],
    queryFn: () =>
      ask(api.GET("/api/v1/jobs/{job_id}/results", { params: { path: { job_id: jobId }, query: { after, limit: 50 } } })),
    refetchInterval: goesOn ? 3_000 : false,
  });
}

export function useJobs(unfinished: boolean, after: string | undefined) {
  return useQuery({
    queryKey: ["jobs", unfinished, after],
    queryFn: () => ask(api.GET("/api/v1/jobs", { params: { query: { unfinished, after, limit: 25 } } })),
    refetchInterval: 5_000,
  });
}

/** The newest job of a kind, however it ended; `null` where there is none. */
export function useLastJob(kind: JobKind) {
  return useQuery({
    queryKey: ["jobs", "last", kind],
    queryFn: () => ask(api.GET("/api/v1/jobs", { params: { query: { kind: [kind], limit: 1 } } })),
    select: (page) => page.jobs[0] ?? null,
  });
}

export async function readJobsAgain(): Promise<void> {
  await Promise.all(["job", "jobs", "job-results"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

export async function cancelJob(job_id: string): Promise<void> {
  try {
    await ask(api.POST("/api/v1/jobs/{job_id}/cancel", { params: { path: { job_id } } }));
  } finally {
    await readJobsAgain();
  }
}

export async function resumeJob(job_id: string, retry_failed: boolean): Promise<void> {
  try {
    await ask(api.POST("/api/v1/jobs/{job_id}/resume", { params: { path: { job_id } }, body: { retry_failed } }));
  } finally {
    await readJobsAgain();
  }
}
