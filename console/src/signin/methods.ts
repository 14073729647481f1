/** How one may sign in to this server, and whether it is one of a sandbox. */
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { SignInMethods } from "../api/records";

export function useSignInMethods() {
  return useQuery({
    queryKey: ["sign-in-methods"],
    queryFn: () => ask<SignInMethods>(api.GET("/api/v1/auth/methods")),
  });
}
