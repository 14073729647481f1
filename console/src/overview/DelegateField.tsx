/** The choice of the account that becomes delegated administrator: a known one, or any by its id before the first audit. */
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { SetupState } from "../api/records";
import { AccountField } from "../windows/AccountField";

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
  return (
    <Container>
      <SpaceBetween size="m">
        {present?.map((one) => (
          <StatusIndicator key={one.account_id} type="success">
            {one.name ?? one.account_id} is delegated administrator already
          </StatusIndicator>
        ))}
        <AccountField
          account={account}
          onChange={(text) => onChange(text.trim())}
          description="Best one that holds no workloads and that few people reach, such as a security account."
          hint="An account id of 12 digits. Left empty, no further account is registered."
          errorText={isWrong && !isAccountId(account) ? "Choose an account, or type its id of 12 digits." : undefined}
          fits={(one) => one.role === "member"}
        />
      </SpaceBetween>
    </Container>
  );
}
