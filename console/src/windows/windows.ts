/** Recovery windows as the console reads them and decides about them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { ProblemError } from "../api/problems";
import { queries } from "../api/queries";
import type { Closing, Opening, RecoveryWindow, WindowState } from "../api/records";
import { isOver } from "./states";

const READ_AGAIN_MILLISECONDS = 5_000;
const READ_ONE_AGAIN_MILLISECONDS = 3_000;
const CONFLICT = 409;

export function useWindows(states: readonly WindowState[], after: string | undefined) {
  return useQuery({
    queryKey: ["windows", states, after],
    queryFn: () => ask(api.GET("/api/v1/windows", { params: { query: { state: [...states], after, limit: 25 } } })),
    refetchInterval: READ_AGAIN_MILLISECONDS,
    placeholderData: keepPreviousData,
  });
}

export function useWindow(windowId: string) {
  return useQuery({
    queryKey: ["window", windowId],
    queryFn: () => ask(api.GET("/api/v1/windows/{window_id}", { params: { path: { window_id: windowId } } })),
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? READ_AGAIN_MILLISECONDS * 3 : READ_ONE_AGAIN_MILLISECONDS),
  });
}

/** What a decision changes is shown anew everywhere: lists, the window, its report, the overview. */
export async function readWindowsAgain(): Promise<void> {
  await Promise.all(
    ["window", "windows", "window-report", "overview", "accounts"].map((key) => queries.invalidateQueries({ queryKey: [key] })),
  );
}

const decidedHere = new Map<string, WindowState>();

/** Whether the window is in that state by a decision of this page: then nobody else has to be told of. */
export function wasDecidedHere(one: RecoveryWindow): boolean {
  return decidedHere.get(one.window_id) === one.state || queries.isMutating() > 0;
}

/**
 * Decide about a window, and show it as it stands afterwards, whatever came of it.
 *
 * Throws what the server refuses with; where somebody else was faster it says so.
 */
export async function decide<T extends RecoveryWindow>(deciding: () => Promise<T>): Promise<T> {
  try {
    const decided = await deciding();
    decidedHere.set(decided.window_id, decided.state);
    return decided;
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== CONFLICT) throw error;
    const hint = "It may have changed since you looked: the page now shows it as it stands.";
    throw new ProblemError(error.status, error.code, error.message, hint, error.requestId);
  } finally {
    await readWindowsAgain();
  }
}

const path = (window_id: string) => ({ params: { path: { window_id } } });

/** What one consents to goes along, so that the server refuses it if the window became another one. */
export function approve(one: RecoveryWindow): Promise<RecoveryWindow> {
  const body = { account_id: one.account_id, duration_seconds: one.duration_seconds };
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/approve", { ...path(one.window_id), body })));
}

export function deny(one: RecoveryWindow, reason: string): Promise<RecoveryWindow> {
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/deny", { ...path(one.window_id), body: { reason } })));
}

export function takeBack(one: RecoveryWindow, reason: string): Promise<RecoveryWindow> {
  const body = { reason: reason || null };
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/cancel", { ...path(one.window_id), body })));
}

export function activate(one: RecoveryWindow): Promise<Opening> {
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/activate", path(one.window_id))));
}

export function extend(one: RecoveryWindow, duration_seconds: number): Promise<RecoveryWindow> {
  const body = { duration_seconds };
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/extend", { ...path(one.window_id), body })));
}

export function close(one: RecoveryWindow): Promise<Closing> {
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/close", path(one.window_id))));
}

export function review(one: RecoveryWindow): Promise<RecoveryWindow> {
  return decide(() => ask(api.POST("/api/v1/windows/{window_id}/review", path(one.window_id))));
}
