/** How one may sign in to this server, and whether it is one of a sandbox. */
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import { queries } from "../api/queries";

const METHODS = { queryKey: ["sign-in-methods"], queryFn: () => ask(api.GET("/api/v1/auth/methods")) };

export function useSignInMethods() {
  return useQuery(METHODS);
}

/** As the server tells them now. */
export function readSignInMethods() {
  return queries.fetchQuery({ ...METHODS, staleTime: 0 });
}
