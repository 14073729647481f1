/** Recovery windows: how they are read and changed. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { PAGE_ROWS, api, unwrap } from "../api/client";
import { ProblemError } from "../api/problems";
import { queries } from "../api/queries";
import type { Closing, LoginKept, Opening, RecoveryWindow, WindowReport, WindowState } from "../api/records";
import { isEnded, needsClosing } from "./states";

const REFRESH_MILLISECONDS = 5_000;
const REFRESH_ONE_MILLISECONDS = 3_000;
const REFRESH_BACKGROUND_MILLISECONDS = 60_000;
const CONFLICT = 409;

export function useWindows(states: readonly WindowState[], after: string | undefined) {
  return useQuery({
    queryKey: ["windows", states, after],
    queryFn: () => unwrap(api.GET("/api/v1/windows", { params: { query: { state: [...states], after, limit: PAGE_ROWS } } })),
    refetchInterval: REFRESH_MILLISECONDS,
    placeholderData: keepPreviousData,
  });
}

export function useWindow(windowId: string) {
  return useQuery({
    queryKey: ["window", windowId],
    queryFn: () => unwrap(api.GET("/api/v1/windows/{window_id}", { params: { path: { window_id: windowId } } })),
    refetchInterval: ({ state }) => (state.data && isEnded(state.data) ? REFRESH_MILLISECONDS * 3 : REFRESH_ONE_MILLISECONDS),
  });
}

/** What is needed to judge a request. Read again when the window's approvals change. */
export function useBackground(windowId: string) {
  return useQuery({
    queryKey: ["window-background", windowId],
    queryFn: () => unwrap(api.GET("/api/v1/windows/{window_id}/background", { params: { path: { window_id: windowId } } })),
    staleTime: REFRESH_BACKGROUND_MILLISECONDS,
  });
}

/** Find the request that waits for this user and lapses first, after a decision about another one. */
export async function findNextRequest(decided: RecoveryWindow, waitsForUser: (waiting: RecoveryWindow) => boolean): Promise<RecoveryWindow | null> {
  const { windows } = await unwrap(api.GET("/api/v1/windows", { params: { query: { state: ["REQUESTED"], unfinished: true, limit: 100 } } }));
  const waiting = windows.filter((other) => other.window_id !== decided.window_id && !other.has_lapsed && waitsForUser(other));
  return waiting.sort((one, other) => (one.lapses_at ?? "").localeCompare(other.lapses_at ?? ""))[0] ?? null;
}

/** Read everything again that shows windows: lists, the window, its report, the overview. */
export async function refreshWindows(): Promise<void> {
  await Promise.all(
    ["window", "windows", "window-background", "window-report", "overview", "accounts"].map((key) => queries.invalidateQueries({ queryKey: [key] })),
  );
}

const decidedHere = new Map<string, WindowState>();

/** Whether this page brought the window into its state, so that no notice is needed. */
export function wasDecidedHere(recoveryWindow: RecoveryWindow): boolean {
  return decidedHere.get(recoveryWindow.window_id) === recoveryWindow.state || queries.isMutating() > 0;
}

/**
 * Change a window, then read its current state, even after an error.
 *
 * Throws the error of the server. If another user changed the window first, the hint says so.
 */
async function decide<T extends RecoveryWindow>(deciding: () => Promise<T>): Promise<T> {
  try {
    const decided = await deciding();
    decidedHere.set(decided.window_id, decided.state);
    return decided;
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== CONFLICT) throw error;
    const hint = "The window possibly changed since the page was loaded. The page now shows its current state.";
    throw new ProblemError(error.status, error.code, error.message, hint, error.requestId);
  } finally {
    await refreshWindows();
  }
}

const path = (window_id: string) => ({ params: { path: { window_id } } });

/** Sends the approved account and duration, so that the server refuses the approval if the window changed. */
export function approve(recoveryWindow: RecoveryWindow): Promise<RecoveryWindow> {
  const body = { account_id: recoveryWindow.account_id, duration_seconds: recoveryWindow.duration_seconds };
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/approve", { ...path(recoveryWindow.window_id), body })));
}

export function deny(recoveryWindow: RecoveryWindow, reason: string): Promise<RecoveryWindow> {
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/deny", { ...path(recoveryWindow.window_id), body: { reason } })));
}

export function cancelRequest(recoveryWindow: RecoveryWindow, reason: string): Promise<RecoveryWindow> {
  const body = { reason: reason || null };
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/cancel", { ...path(recoveryWindow.window_id), body })));
}

export function activate(recoveryWindow: RecoveryWindow): Promise<Opening> {
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/activate", path(recoveryWindow.window_id))));
}

export function extend(recoveryWindow: RecoveryWindow, duration_seconds: number): Promise<RecoveryWindow> {
  const body = { duration_seconds };
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/extend", { ...path(recoveryWindow.window_id), body })));
}

/** The server's hint says what the login lacks, so an error stays as it is. */
export async function keepLogin(recoveryWindow: RecoveryWindow): Promise<LoginKept> {
  try {
    const kept = await unwrap(api.POST("/api/v1/windows/{window_id}/keep-login", path(recoveryWindow.window_id)));
    decidedHere.set(kept.window_id, kept.state);
    return kept;
  } finally {
    await Promise.all([refreshWindows(), ...["failsafes", "emergency-access"].map((key) => queries.invalidateQueries({ queryKey: [key] }))]);
  }
}

export function close(recoveryWindow: RecoveryWindow): Promise<Closing> {
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/close", path(recoveryWindow.window_id))));
}

export function review(recoveryWindow: RecoveryWindow): Promise<RecoveryWindow> {
  return decide(() => unwrap(api.POST("/api/v1/windows/{window_id}/review", path(recoveryWindow.window_id))));
}

const REFRESH_REPORT_MILLISECONDS = 15_000;

/** Read again when the state or the approvals change, and at an interval for new root events. */
export function useReport(recoveryWindow: RecoveryWindow) {
  const { window_id: windowId, state, approvals } = recoveryWindow;
  return useQuery({
    queryKey: ["window-report", windowId, state, approvals.length],
    queryFn: () =>
      unwrap(api.GET("/api/v1/windows/{window_id}/report", { params: { path: { window_id: windowId } } })),
    refetchInterval: needsClosing(recoveryWindow) ? REFRESH_REPORT_MILLISECONDS : REFRESH_REPORT_MILLISECONDS * 4,
    placeholderData: keepPreviousData,
  });
}

export const DURATION_LABELS: { readonly [name in keyof WindowReport["durations_seconds"]]: string } = {
  to_approve: "Request to approval",
  to_open: "Activation to opening",
  to_sign_in: "Opening to first sign-in",
  open: "Open",
  to_close: "Closing to verification",
  late: "Delay of closing",
};
