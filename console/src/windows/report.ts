/** The report of a window, as docs/reference/window-report.schema.json describes it. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import type { RecoveryWindow } from "../api/records";

export interface WindowReport {
  remarks: string[];
  durations_seconds: { [name in "to_approve" | "to_open" | "to_sign_in" | "open" | "to_close" | "late"]: number | null };
  steps: { at: string; what: string; actor: string; result: "done" | "failed" | "unknown" | "open"; detail: string }[];
  events: RootEvent[];
  alerts: RootEvent[];
  rereads: { at: string; is_clean: boolean; found: string[] }[];
  markdown: string;
}

export interface RootEvent {
  event_id: string;
  at: string;
  name: string;
  verdict: string;
  explanation: string;
}

/** Read anew when the window's state changes or somebody consents. */
export function useReport({ window_id: windowId, state, approvals }: RecoveryWindow) {
  return useQuery({
    queryKey: ["window-report", windowId, state, approvals.length],
    queryFn: () =>
      ask<WindowReport>(api.GET("/api/v1/windows/{window_id}/report", { params: { path: { window_id: windowId } } })),
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
