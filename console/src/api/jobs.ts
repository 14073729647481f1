/**
 * Jobs: one followed live by server-sent events, lists, results and outcomes, cancel and resume.
 *
 * An EventSource can't send a token, so the stream is read with fetch. Source of the format: HTML standard.
 */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { PAGE_ROWS, api, send, unwrap } from "./client";
import { renderHint } from "./hints";
import { observable, useObservable } from "./observable";
import { apiUrl } from "./place";
import { ProblemError } from "./problems";
import { queries } from "./queries";
import type { FailedOutcome, Job, JobKind, JobOutcome, JobState } from "./records";

const RECONNECT_MILLISECONDS = 2_000;
/** A stream can break without an error. */
const POLL_MILLISECONDS = 15_000;
const FINISHED_STATES: readonly JobState[] = ["done", "failed", "cancelled"];

/** Browsers open few connections to one server, six for all tabs with HTTP/1.1. So a hidden tab uses none. */
const isTabVisible = observable(!document.hidden);
document.addEventListener("visibilitychange", () => isTabVisible.set(!document.hidden));

export function isFinished(job: Job): boolean {
  return FINISHED_STATES.includes(job.state);
}

/** The job with this id, updated while it is unfinished and the tab is visible; `null` for no job. */
export function useJob(jobId: string | null) {
  const isVisible = useObservable(isTabVisible);
  const found = useQuery({
    queryKey: ["job", jobId],
    queryFn: () => unwrap(api.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: jobId ?? "" } } })),
    enabled: jobId !== null,
    refetchInterval: ({ state }) => (state.data && !isFinished(state.data) ? POLL_MILLISECONDS : false),
  });
  const isActive = found.data !== undefined && !isFinished(found.data);
  useEffect(() => {
    if (jobId === null || !isActive || !isVisible) return undefined;
    const stop = new AbortController();
    void followEvents(jobId, stop.signal);
    return () => stop.abort();
  }, [jobId, isActive, isVisible]);
  return found;
}

async function followEvents(jobId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await readStream(jobId, signal);
    } catch {
      // The connection banner reports a lost connection. The stream is opened again.
    }
    await pause(RECONNECT_MILLISECONDS, signal);
    if (!signal.aborted) await queries.invalidateQueries({ queryKey: ["job", jobId], exact: true });
  }
}

async function readStream(jobId: string, signal: AbortSignal): Promise<void> {
  const address = apiUrl(`/api/v1/jobs/${encodeURIComponent(jobId)}/events`);
  const response = await send(new Request(address, { signal }));
  if (!response.ok || !response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (unread + value).split("\n\n");
    unread = events.pop() ?? "";
    events.forEach((event) => storeEvent(jobId, event));
  }
}

function storeEvent(jobId: string, event: string): void {
  const data = event
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice(6))
    .join("\n");
  if (data) queries.setQueryData(["job", jobId], JSON.parse(data) as Job);
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

const NOT_FOUND = 404;

/** The outcome document of a finished job. Its type depends on the kind of job; `null` if there is none. */
export function useOutcome<T extends JobOutcome>(job: Job | undefined) {
  return useQuery({
    queryKey: ["job-outcome", job?.job_id],
    queryFn: () => readOutcome<T>(job?.job_id ?? ""),
    enabled: job !== undefined && isFinished(job),
    staleTime: Infinity,
    structuralSharing: false,
  });
}

async function readOutcome<T extends JobOutcome>(job_id: string): Promise<T | FailedOutcome | null> {
  try {
    return (await unwrap(api.GET("/api/v1/jobs/{job_id}/outcome", { params: { path: { job_id } } }))) as T | FailedOutcome;
  } catch (error) {
    if (error instanceof ProblemError && error.status === NOT_FOUND) return null;
    throw error;
  }
}

export function isFailedOutcome(outcome: JobOutcome | null | undefined): outcome is FailedOutcome {
  return outcome !== null && outcome !== undefined && "problem" in outcome;
}

/** Why a finished job has no document: it failed, or it ended without one, such as a cancelled job. */
export function findOutcomeProblem(job: Job, outcome: JobOutcome | null | undefined): ProblemError | null {
  if (isFailedOutcome(outcome)) {
    const { code, detail, hint, hint_code, hint_facts } = outcome.problem;
    return new ProblemError(NOT_FOUND, code, detail, renderHint(hint, hint_code, hint_facts) || null, null);
  }
  return outcome === null ? new ProblemError(NOT_FOUND, null, job.remark ?? "The job ended without a result.", "Start it again.", null) : null;
}

/** The results of the accounts of a deletion, page by page. */
export function useResults(jobId: string, isActive: boolean, after: string | undefined) {
  return useQuery({
    queryKey: ["job-results", jobId, after],
    queryFn: () =>
      unwrap(api.GET("/api/v1/jobs/{job_id}/results", { params: { path: { job_id: jobId }, query: { after, limit: PAGE_ROWS } } })),
    refetchInterval: isActive ? 3_000 : false,
  });
}

export function useJobs(unfinished: boolean, after: string | undefined) {
  return useQuery({
    queryKey: ["jobs", unfinished, after],
    queryFn: () => unwrap(api.GET("/api/v1/jobs", { params: { query: { unfinished, after, limit: PAGE_ROWS } } })),
    refetchInterval: 5_000,
  });
}

/** The newest job of a kind in any state; `null` if there is none. */
export function useLastJob(kind: JobKind) {
  return useQuery({
    queryKey: ["jobs", "last", kind],
    queryFn: () => unwrap(api.GET("/api/v1/jobs", { params: { query: { kind: [kind], limit: 1 } } })),
    select: (page) => page.jobs[0] ?? null,
  });
}

export async function refreshJobs(): Promise<void> {
  await Promise.all(["job", "jobs", "job-results"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

export async function cancelJob(job_id: string): Promise<void> {
  try {
    await unwrap(api.POST("/api/v1/jobs/{job_id}/cancel", { params: { path: { job_id } } }));
  } finally {
    await refreshJobs();
  }
}

export async function resumeJob(job_id: string, retry_failed: boolean): Promise<void> {
  try {
    await unwrap(api.POST("/api/v1/jobs/{job_id}/resume", { params: { path: { job_id } }, body: { retry_failed } }));
  } finally {
    await refreshJobs();
  }
}
