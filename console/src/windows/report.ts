/** The report of a window, as docs/reference/window-report.schema.json describes it. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import type { RecoveryWindow } from "../api/records";
import { owesClosing } from "./states";

export interface WindowReport {
  remarks: string[];
  durations_seconds: { [name in "to_approve" | "to_open" | "to_sign_in" | "open" | "to_close" | "late"]: number | null };
  steps: { at: string; what: string; actor: string; result: "done" | "failed" | "unknown" | "open"; detail: string }[];
  events: RootEvent[];
  alerts: RootEvent[];
  rereads: { at: string; is_clean: boolean; found: string[] }[];
  markdown: string;
}

interface RootEvent {
  event_id: string;
  at: string;
  name: string;
  verdict: string;
  explanation: string;
}

const READ_AGAIN_MILLISECONDS = 15_000;

/** Read anew when the window's state changes or somebody consents, and for the root events as long as it isn't closed. */
export function useReport(one: RecoveryWindow) {
  const { window_id: windowId, state, approvals } = one;
  return useQuery({
    queryKey: ["window-report", windowId, state, approvals.length],
    queryFn: () =>
      ask<WindowReport>(api.GET("/api/v1/windows/{window_id}/report", { params: { path: { window_id: windowId } } })),
    refetchInterval: owesClosing(one) ? READ_AGAIN_MILLISECONDS : READ_AGAIN_MILLISECONDS * 4,
    placeholderData: keepPreviousData,
  });
}

export const DURATIONS: { readonly [name in keyof WindowReport["durations_seconds"]]: string } = {
  to_approve: "Request to approval",
  to_open: "Activation to opening",
  to_sign_in: "Opening to first sign-in",
  open: "Open",
  to_close: "Closing to its proof",
  late: "Closed after its end",
};
