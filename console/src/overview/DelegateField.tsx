/** The choice of the account that becomes delegated administrator: a known one, or any by its id before the first audit. */
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { Account, Page, SetupState } from "../api/records";
import { describeError } from "../api/problems";

interface DelegateFieldProps {
  /** What was typed; empty for nobody. */
  account: string;
  onChange: (account: string) => void;
  /** Whether it kept the wizard from going on. */
  isWrong: boolean;
  present: SetupState["delegated_administrators"];
}

export function isAccountId(text: string): boolean {
  return /^\d{12}$/.test(text);
}

export function DelegateField({ account, onChange, isWrong, present }: DelegateFieldProps) {
  const found = useQuery({ queryKey: ["accounts", "delegates", account], queryFn: () => findAccounts(account) });
  return (
    <Container>
      <SpaceBetween size="m">
        {present?.map((one) => (
          <StatusIndicator key={one.account_id} type="success">
            {one.name ?? one.account_id} is delegated administrator already
          </StatusIndicator>
        ))}
        <FormField
          label="Account"
          description="Best one that holds no workloads and that few people reach, such as a security account."
          constraintText="An account id of 12 digits. Left empty, no further account is registered."
          errorText={isWrong && !isAccountId(account) ? "Choose an account, or type its id of 12 digits." : undefined}
        >
          <Autosuggest
            value={account}
            onChange={({ detail }) => onChange(detail.value.trim())}
            options={(found.data ?? []).map((one) => ({ value: one.account_id, label: one.account_id, description: `${one.name} · ${one.ou_path}` }))}
            filteringType="none"
            enteredTextLabel={(text) => `Use ${text}`}
            statusType={found.isPending ? "loading" : found.error ? "error" : "finished"}
            loadingText="Looking for accounts"
            errorText={found.error ? describeError(found.error).what : undefined}
            empty="No known account fits. Before the first audit none is known: type the id."
            placeholder="Id, or part of a name"
          />
        </FormField>
      </SpaceBetween>
    </Container>
  );
}

async function findAccounts(text: string): Promise<Account[]> {
  const query = { q: text, limit: 50 };
  const page = await ask<Page<"accounts", Account>>(api.GET("/api/v1/accounts", { params: { query } }));
  return page.accounts.filter((one) => one.role === "member");
}
