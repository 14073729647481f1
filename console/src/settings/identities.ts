/** Users and tokens as the settings read and change them. */
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import { queries } from "../api/queries";
import type { Identity, Role } from "../api/records";

const KEY = ["identities"];

export function useIdentities(kind: Identity["kind"]) {
  const found = useQuery({
    queryKey: KEY,
    queryFn: () => ask(api.GET("/api/v1/identities")),
    select: (page) => page.identities,
  });
  return { ...found, data: found.data?.filter((one) => one.kind === kind) };
}

export function readIdentitiesAgain(): Promise<void> {
  return queries.invalidateQueries({ queryKey: KEY });
}

export const ROLE_WORDS: { [role in Role]: string } = {
  viewer: "Sees everything, changes nothing",
  auditor: "Also runs audits and preflights",
  operator: "Also deletes root user credentials, unlocks, requests and activates recovery windows",
  approver: "Approves, denies and extends recovery windows; can't operate",
  administrator: "Everything, users and tokens included",
};

export const ROLE_OPTIONS = (Object.keys(ROLE_WORDS) as Role[]).map((role) => ({
  value: role,
  label: role,
  description: ROLE_WORDS[role],
}));

export async function disable(name: string): Promise<unknown> {
  return ask(api.POST("/api/v1/identities/{name}/disable", { params: { path: { name } } }));
}
