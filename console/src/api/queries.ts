/** How the console reads: what is kept for how long, and what is read anew after a change or a lost connection. */
import { MutationCache, QueryClient, useQuery } from "@tanstack/react-query";
import { tellProblem } from "../shell/notices";
import { ask, api } from "./client";
import { onReconnected } from "./connection";
import { ConnectionLostError } from "./problems";
import type { Me, Permission } from "./records";

declare module "@tanstack/react-query" {
  interface Register {
    /** A change whose form shows its errors itself says so. */
    mutationMeta: { showsErrors?: boolean };
  }
}

const FRESH_MILLISECONDS = 5_000;
const MOST_TRIES = 2;

/** Changes are never repeated here: only the client can, which sends the same key again. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MILLISECONDS,
      retry: (count, error) => error instanceof ConnectionLostError && count < MOST_TRIES,
      networkMode: "always",
    },
    mutations: { retry: false, networkMode: "always" },
  },
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      if (!mutation.meta?.showsErrors) tellProblem(error);
    },
  }),
});

onReconnected(() => void queries.invalidateQueries());

export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => ask(api.GET("/api/v1/me")), staleTime: 60_000 });
}

/** Whether somebody may do something. The server asks the same again: this only spares people a refusal. */
export function may(me: Me | undefined, permission: Permission): boolean {
  return me?.permissions.includes(permission) ?? false;
}
