/** Kept audits and what changed between two of them; docs/reference/audits.schema.json and diff.schema.json. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import type { KeptAudit, Page, Status } from "../api/records";

export interface Found {
  status: Status;
  reason: string | null;
  detail: string | null;
  read_at: string | null;
}

export interface Difference {
  account_id: string;
  name: string;
  change: "changed" | "joined" | "left";
  before: Found | null;
  after: Found | null;
  credentials: { kind: string; before: unknown; after: unknown; change: "appeared" | "gone" | "read" | "replaced" | "unread" }[];
}

export interface Comparison {
  older: KeptAudit;
  newer: KeptAudit;
  accounts: Difference[];
  summary: { changed: number; joined: number; left: number; unchanged: number; not_compared: number };
}

export function useAudits(after: string | undefined) {
  return useQuery({
    queryKey: ["audits", after],
    queryFn: () => ask<Page<"audits", KeptAudit>>(api.GET("/api/v1/audits", { params: { query: { after, limit: 20 } } })),
  });
}

export function useComparison(older: string | null, newer: string | null) {
  return useQuery({
    queryKey: ["audits", "diff", older, newer],
    queryFn: () =>
      ask<Comparison>(
        api.GET("/api/v1/audits/diff", { params: { query: { older: older ?? undefined, newer: newer ?? undefined } } }),
      ),
    enabled: older !== null && newer !== null,
  });
}
