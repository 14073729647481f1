/** The report of a window. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import type { RecoveryWindow, WindowReport } from "../api/records";
import { owesClosing } from "./states";

const READ_AGAIN_MILLISECONDS = 15_000;

/** Read anew when the window's state changes or somebody consents, and for the root events as long as it isn't closed. */
export function useReport(one: RecoveryWindow) {
  const { window_id: windowId, state, approvals } = one;
  return useQuery({
    queryKey: ["window-report", windowId, state, approvals.length],
    queryFn: () =>
      ask(api.GET("/api/v1/windows/{window_id}/report", { params: { path: { window_id: windowId } } })),
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
