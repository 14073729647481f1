/** The overview's answer, which the overview page and the navigation share. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";

const REFRESH_MILLISECONDS = 15_000;

export function useOverview() {
  const { data: me } = useMe();
  return useQuery({
    queryKey: ["overview"],
    queryFn: () => unwrap(api.GET("/api/v1/overview")),
    enabled: hasPermission(me, "setup:read"),
    refetchInterval: REFRESH_MILLISECONDS,
  });
}
