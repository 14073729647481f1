/** Accounts in forms and texts: a field for one account, and its name. */
import Autosuggest from "@cloudscape-design/components/autosuggest";
import FormField from "@cloudscape-design/components/form-field";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { describeError } from "../api/problems";
import type { Account } from "../api/records";
import { type AccountListing, useListing } from "./listing";

interface AccountFieldProps {
  account: string;
  onChange: (account: string) => void;
  description?: string;
  label?: string;
  /** The constraint text while no known account is entered. */
  hint?: string;
  errorText?: string;
  /** Which accounts are offered; by default all of them. */
  isOffered?: (account: Account) => boolean;
}

const anyAccount = () => true;

export function AccountField(props: AccountFieldProps) {
  const { account, onChange, description, errorText, isOffered = anyAccount } = props;
  const { label = "Account", hint = "Enter a 12-digit account id or a name." } = props;
  const found = useQuery({
    queryKey: ["accounts", "choice", account],
    queryFn: () => unwrap(api.GET("/api/v1/accounts", { params: { query: { q: account, limit: 50 } } })),
  });
  const offered = found.data?.accounts.filter(isOffered) ?? [];
  const chosen = offered.find((one) => one.account_id === account);
  return (
    <FormField
      label={label}
      description={description}
      constraintText={chosen ? `${chosen.name}, in ${chosen.ou_path}, root user ${chosen.email}` : hint}
      errorText={errorText}
    >
      <Autosuggest
        value={account}
        onChange={({ detail }) => onChange(detail.value)}
        options={offered.map((one) => ({
          value: one.account_id,
          label: one.account_id,
          description: `${one.name} · ${one.ou_path}`,
        }))}
        filteringType="none"
        enteredTextLabel={(text) => `Use ${text}`}
        statusType={found.isPending ? "loading" : found.error ? "error" : "finished"}
        loadingText="Loading accounts"
        errorText={found.error ? describeError(found.error).what : undefined}
        empty="No matching accounts. If no audit was run yet, enter the account id."
        placeholder="Id or name"
        ariaLabel={label}
      />
    </FormField>
  );
}

const NAME_FRESH_MILLISECONDS = 300_000;

/** One account with its root e-mail address and organizational unit. */
export function useAccount(accountId: string | null) {
  return useQuery({
    queryKey: ["account-name", accountId],
    queryFn: () =>
      unwrap(api.GET("/api/v1/accounts/{account_id}", { params: { path: { account_id: accountId ?? "" } } })),
    enabled: accountId !== null,
    staleTime: NAME_FRESH_MILLISECONDS,
    retry: false,
  });
}

const namesByListing = new WeakMap<AccountListing, Map<string, string>>();

/** The names of all accounts, from the account listing. */
export function useAccountNames(): Map<string, string> {
  const { data } = useListing(NAME_FRESH_MILLISECONDS);
  if (!data) return NO_NAMES;
  const found = namesByListing.get(data) ?? new Map(data.accounts.map((one) => [one.account_id, one.name]));
  namesByListing.set(data, found);
  return found;
}

const NO_NAMES = new Map<string, string>();

export function AccountName({ accountId }: { accountId: string }) {
  const name = useAccountNames().get(accountId);
  const id = <span className="whole">{name ? `(${accountId})` : accountId}</span>;
  return (
    <>
      {name} {id}
    </>
  );
}
