/** The query cache: how long answers stay fresh, and when they are read again. */
import { QueryClient, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { onReconnected } from "./connection";
import { ConnectionLostError } from "./problems";
import type { Me, Permission } from "./records";

declare module "@tanstack/react-query" {
  interface Register {
    /** True for a change whose form shows its errors itself. */
    mutationMeta: { showsErrors?: boolean };
  }
}

const FRESH_MILLISECONDS = 5_000;
const MAX_RETRIES = 2;

/** Changes aren't retried here. Only the client can do that, because it sends the same idempotency key again. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MILLISECONDS,
      retry: (count, error) => error instanceof ConnectionLostError && count < MAX_RETRIES,
      networkMode: "always",
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

onReconnected(() => void queries.invalidateQueries());

export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => unwrap(api.GET("/api/v1/me")), staleTime: 60_000 });
}

/** The settings of windows, deletion and retention that hold now. */
export function usePolicy(isAllowed = true) {
  return useQuery({ queryKey: ["policy"], queryFn: () => unwrap(api.GET("/api/v1/policy")), enabled: isAllowed });
}

/** Check a permission, so that the page doesn't offer what the server would refuse. The server checks it again. */
export function hasPermission(me: Me | undefined, permission: Permission): boolean {
  return me?.permissions.includes(permission) ?? false;
}
