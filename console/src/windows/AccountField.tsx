/** The choice of one account: by its id, or by a part of its name. */
import Autosuggest from "@cloudscape-design/components/autosuggest";
import FormField from "@cloudscape-design/components/form-field";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { describeError } from "../api/problems";
import type { Account } from "../api/records";

interface AccountFieldProps {
  account: string;
  onChange: (account: string) => void;
  description?: string;
  label?: string;
  /** What may stand there, while no known account does. */
  hint?: string;
  errorText?: string;
  /** Which accounts are offered; all of them if it isn't said. */
  fits?: (account: Account) => boolean;
}

const anyAccount = () => true;

export function AccountField(props: AccountFieldProps) {
  const { account, onChange, description, errorText, fits = anyAccount } = props;
  const { label = "Account", hint = "An id of 12 digits, or a name." } = props;
  const found = useQuery({
    queryKey: ["accounts", "choice", account],
    queryFn: () => ask(api.GET("/api/v1/accounts", { params: { query: { q: account, limit: 50 } } })),
  });
  const offered = found.data?.accounts.filter(fits) ?? [];
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
        loadingText="Looking for accounts"
        errorText={found.error ? describeError(found.error).what : undefined}
        empty="No known account fits. Before the first audit none is known: type the id."
        placeholder="Id, or part of a name"
        ariaLabel={label}
      />
    </FormField>
  );
}
