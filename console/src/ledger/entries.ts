/** Entries of the ledger: how they are read, filtered and named. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { operations } from "../api/generated";
import type { LedgerEntry } from "../api/records";
import type { FilterCodec } from "../tables/url-filter";
import type { Period } from "../times/periods";

type Query = NonNullable<operations["get_list_latest"]["parameters"]["query"]>;
export type Action = NonNullable<Query["action"]>[number];
export type Result = NonNullable<Query["result"]>[number];

export interface LedgerFilter {
  account_id: string;
  actor: string;
  /** The id of a window, job or plan. */
  reference: string;
  actions: Action[];
  results: Result[];
}

export const NO_FILTER: LedgerFilter = { account_id: "", actor: "", reference: "", actions: [], results: [] };

export function toQuery(filter: LedgerFilter, period: Period, before: string | undefined): Query {
  return {
    ...period,
    before: before ? Number(before) : undefined,
    account_id: filter.account_id || undefined,
    actor: filter.actor || undefined,
    reference: filter.reference || undefined,
    action: filter.actions.length ? filter.actions : undefined,
    result: filter.results.length ? filter.results : undefined,
  };
}

/** An operation rarely has more entries, so that few are split between two pages. */
export const PAGE_ENTRIES = 100;

/** @param period `null` if it isn't known yet, or isn't valid. */
export function useLatest(filter: LedgerFilter, period: Period | null, before: string | undefined) {
  const query = { ...toQuery(filter, period ?? {}, before), limit: PAGE_ENTRIES };
  return useQuery({
    queryKey: ["ledger", query],
    queryFn: () => unwrap(api.GET("/api/v1/ledger/latest", { params: { query } })),
    enabled: period !== null,
    refetchInterval: before ? false : 10_000,
    placeholderData: keepPreviousData,
  });
}

export const ACTOR_KINDS: { readonly [kind in LedgerEntry["actor"]["kind"]]: string } = {
  self_asserted: "self-asserted",
  server: "server",
  signed_in: "signed in",
  token: "API token",
};

/** Such as `Window: activate`. */
export function nameAction(action: string): string {
  const [resource = "", verb = ""] = action.replaceAll("_", " ").split(":");
  return `${resource.charAt(0).toUpperCase()}${resource.slice(1)}: ${verb}`;
}

const KNOWN_ACTIONS: { [action in Action]: true } = {
  "access_key:delete": true,
  "accounts:audit": true,
  "bucket_policy:delete": true,
  "bucket_policy:put": true,
  "bucket_policy:save": true,
  "control:attest": true,
  "delegated_administrator:deregister": true,
  "delegated_administrator:register": true,
  "email:attest": true,
  "email_update:accept": true,
  "email_update:approve": true,
  "email_update:start": true,
  "exception:add": true,
  "exception:remove": true,
  "failsafe:attest": true,
  "failsafe:check": true,
  "failsafe:drill": true,
  "feature:disable": true,
  "feature:enable": true,
  "findings:import": true,
  "identity:add": true,
  "identity:change": true,
  "job:cancel": true,
  "job:request": true,
  "ledger:adopt": true,
  "ledger:import": true,
  "login_profile:create": true,
  "login_profile:delete": true,
  "mfa_device:deactivate": true,
  "organization:add": true,
  "organization:remove": true,
  "queue_policy:save": true,
  "queue_policy:set": true,
  "report:send": true,
  "root_session:open": true,
  "setting:change": true,
  "setup:accept": true,
  "signing_certificate:delete": true,
  "spill:merge": true,
  "trusted_access:disable": true,
  "trusted_access:enable": true,
  "window:activate": true,
  "window:approve": true,
  "window:cancel": true,
  "window:close": true,
  "window:deny": true,
  "window:event": true,
  "window:extend": true,
  "window:keep": true,
  "window:lapse": true,
  "window:open": true,
  "window:request": true,
  "window:reread": true,
  "window:review": true,
};

export const ACTIONS = Object.keys(KNOWN_ACTIONS) as Action[];

const RESULT_VALUES: readonly Result[] = ["done", "failed", "unknown"];

/** Such as `?account=111122223333&by=olga&action=window%3Aactivate&result=failed`. */
export const FILTER_CODEC: FilterCodec<LedgerFilter> = {
  read: (parameters) => ({
    account_id: parameters.get("account") ?? "",
    actor: parameters.get("by") ?? "",
    reference: parameters.get("of") ?? "",
    actions: ACTIONS.filter((action) => parameters.getAll("action").includes(action)),
    results: RESULT_VALUES.filter((result) => parameters.getAll("result").includes(result)),
  }),
  write: ({ account_id, actor, reference, actions, results }) => ({
    account: account_id ? [account_id] : [],
    by: actor ? [actor] : [],
    of: reference ? [reference] : [],
    action: actions,
    result: results,
  }),
};
