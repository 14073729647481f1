/** Entries of the ledger, and how they are looked for. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import type { operations } from "../api/generated";
import type { LedgerEntry } from "../api/records";

type Query = NonNullable<operations["get_list_latest"]["parameters"]["query"]>;
export type Action = NonNullable<Query["action"]>[number];
export type Result = NonNullable<Query["result"]>[number];

export interface LedgerWish {
  account_id: string;
  actor: string;
  actions: Action[];
  results: Result[];
}

export const EVERYTHING: LedgerWish = { account_id: "", actor: "", actions: [], results: [] };

export function useLatest(wish: LedgerWish, before: string | undefined) {
  const query: Query = {
    before: before ? Number(before) : undefined,
    account_id: wish.account_id || undefined,
    actor: wish.actor || undefined,
    action: wish.actions.length ? wish.actions : undefined,
    result: wish.results.length ? wish.results : undefined,
    limit: 50,
  };
  return useQuery({
    queryKey: ["ledger", query],
    queryFn: () => ask(api.GET("/api/v1/ledger/latest", { params: { query } })),
    refetchInterval: before ? false : 10_000,
    placeholderData: keepPreviousData,
  });
}

export const ACTOR_KINDS: { readonly [kind in LedgerEntry["actor"]["kind"]]: string } = {
  self_asserted: "said so themselves",
  server: "the server by itself",
  signed_in: "signed in",
  token: "by a token",
};

/** Such as `Window: activate`. */
export function nameAction(action: string): string {
  const [resource = "", verb = ""] = action.replaceAll("_", " ").split(":");
  return `${resource.charAt(0).toUpperCase()}${resource.slice(1)}: ${verb}`;
}
