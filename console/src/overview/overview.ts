/** The overview's answers: the first is shared with the navigation. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import type { Status } from "../api/records";

const REFRESH_MILLISECONDS = 15_000;

export function useOverview() {
  const { data: me } = useMe();
  return useQuery({
    queryKey: ["overview"],
    queryFn: () => unwrap(api.GET("/api/v1/overview")),
    enabled: hasPermission(me, "setup:read") && !me?.serves_organizations,
    refetchInterval: REFRESH_MILLISECONDS,
  });
}

/** All accounts, counted by the server: the overview needs no list of them. */
export function usePicture() {
  const { data: me } = useMe();
  return useQuery({
    queryKey: ["overview", "accounts"],
    queryFn: () => unwrap(api.GET("/api/v1/overview/accounts")),
    enabled: hasPermission(me, "accounts:read"),
    refetchInterval: REFRESH_MILLISECONDS,
  });
}

/** The colour and pattern of a status in bars. */
export const STATUS_TONES: { readonly [status in Status]: string } = {
  present: "present",
  unknown: "unknown",
  recovery_open: "open",
  not_present: "clean",
  not_applicable: "none",
};

/** Such as "Workloads / Prod": the organization's root is named only for accounts directly in it. */
export function shortenPath(path: string): string {
  const [root = "", ...below] = path.split("/");
  if (below.length > 0) return below.join(" / ");
  return root || "Unknown organizational unit";
}

export function countAccounts(count: number): string {
  return `${count.toLocaleString()} ${count === 1 ? "account" : "accounts"}`;
}
