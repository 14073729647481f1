/** Kept audits and what changed between two of them. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";

export function useAudits(after: string | undefined) {
  return useQuery({
    queryKey: ["audits", after],
    queryFn: () => ask(api.GET("/api/v1/audits", { params: { query: { after, limit: 20 } } })),
  });
}

export function useComparison(older: string | null, newer: string | null) {
  return useQuery({
    queryKey: ["audits", "diff", older, newer],
    queryFn: () =>
      ask(api.GET("/api/v1/audits/diff", { params: { query: { older: older ?? undefined, newer: newer ?? undefined } } })),
    enabled: older !== null && newer !== null,
  });
}
