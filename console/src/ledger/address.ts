/** What is looked for in the ledger, as its address says it. */
import type { AddressForm } from "../tables/address-filter";
import { ACTIONS } from "./actions";
import type { LedgerWish, Result } from "./entries";

const RESULTS: readonly Result[] = ["done", "failed", "unknown"];

/** Such as `?account=111122223333&by=olga&action=window%3Aactivate&result=failed`. */
export const WISH_ADDRESS: AddressForm<LedgerWish> = {
  read: (parameters) => ({
    account_id: parameters.get("account") ?? "",
    actor: parameters.get("by") ?? "",
    actions: ACTIONS.filter((action) => parameters.getAll("action").includes(action)),
    results: RESULTS.filter((result) => parameters.getAll("result").includes(result)),
  }),
  write: ({ account_id, actor, actions, results }) => ({
    account: account_id ? [account_id] : [],
    by: actor ? [actor] : [],
    action: actions,
    result: results,
  }),
};
