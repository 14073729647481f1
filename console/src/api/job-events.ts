/**
 * A job as it goes on: by its server-sent events, and again and again after the stream broke, until the job is over.
 * An EventSource can't carry a token, so the stream is read by hand. Source of the format: HTML standard.
 */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask, send } from "./client";
import { observable, useObservable } from "./observable";
import { queries } from "./queries";
import type { Job, JobState } from "./records";

const COME_BACK_MILLISECONDS = 2_000;
/** A stream may have broken without a word. */
const LOOK_MILLISECONDS = 15_000;
const OVER: readonly JobState[] = ["done", "failed", "cancelled"];

/** Browsers keep few connections to one server, six with HTTP/1.1 for all its tabs: a hidden tab must hold none. */
const isInSight = observable(!document.hidden);
document.addEventListener("visibilitychange", () => isInSight.set(!document.hidden));

export function isOver(job: Job): boolean {
  return OVER.includes(job.state);
}

/** The job of that id, kept current while it isn't over and the tab is in sight; `null` follows none. */
export function useJob(jobId: string | null) {
  const isSeen = useObservable(isInSight);
  const found = useQuery({
    queryKey: ["job", jobId],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: jobId ?? "" } } })),
    enabled: jobId !== null,
    refetchInterval: ({ state }) => (state.data && !isOver(state.data) ? LOOK_MILLISECONDS : false),
  });
  const goesOn = found.data !== undefined && !isOver(found.data);
  useEffect(() => {
    if (jobId === null || !goesOn || !isSeen) return undefined;
    const stop = new AbortController();
    void follow(jobId, stop.signal);
    return () => stop.abort();
  }, [jobId, goesOn, isSeen]);
  return found;
}

async function follow(jobId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await readStream(jobId, signal);
    } catch {
      // A lost connection is told by its banner; the stream is asked for again.
    }
    await pause(COME_BACK_MILLISECONDS, signal);
    if (!signal.aborted) await queries.invalidateQueries({ queryKey: ["job", jobId], exact: true });
  }
}

async function readStream(jobId: string, signal: AbortSignal): Promise<void> {
  const address = `/api/v1/jobs/${encodeURIComponent(jobId)}/events`;
  const response = await send(new Request(new URL(address, window.location.origin), { signal }));
  if (!response.ok || !response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (unread + value).split("\n\n");
    unread = events.pop() ?? "";
    events.forEach((event) => take(jobId, event));
  }
}

function take(jobId: string, event: string): void {
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
