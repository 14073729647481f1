/** An account by its name and id; by its id alone where the name isn't known. */
import { useQuery } from "@tanstack/react-query";
import { useListing, type Listing } from "../accounts/listing";
import { api, ask } from "../api/client";

const NAME_LASTS_MILLISECONDS = 300_000;

/** One account with its address and place. */
export function useAccount(accountId: string | null) {
  return useQuery({
    queryKey: ["account-name", accountId],
    queryFn: () =>
      ask(api.GET("/api/v1/accounts/{account_id}", { params: { path: { account_id: accountId ?? "" } } })),
    enabled: accountId !== null,
    staleTime: NAME_LASTS_MILLISECONDS,
    retry: false,
  });
}

const known = new WeakMap<Listing, Map<string, string>>();

/** The names of all accounts, from the one answer that has them all. */
export function useNames(): Map<string, string> {
  const { data } = useListing(NAME_LASTS_MILLISECONDS);
  if (!data) return NOBODY;
  const found = known.get(data) ?? new Map(data.accounts.map((one) => [one.account_id, one.name]));
  known.set(data, found);
  return found;
}

const NOBODY = new Map<string, string>();

export function AccountName({ accountId }: { accountId: string }) {
  const name = useNames().get(accountId);
  return <>{name ? `${name} (${accountId})` : accountId}</>;
}
