/** The fields of the set-up wizard, and why each part is needed. */
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { hasPermission } from "../api/queries";
import type { Me, SetupState } from "../api/records";
import { AccountField } from "../organization/AccountField";

interface FeatureFieldsProps {
  chosen: FeatureName[];
  onChange: (chosen: FeatureName[]) => void;
  on: string[] | null;
}

export function FeatureFields({ chosen, onChange, on }: FeatureFieldsProps) {
  const toggle = (name: FeatureName, isChosen: boolean) =>
    onChange(isChosen ? [...chosen, name] : chosen.filter((one) => one !== name));
  return (
    <Container>
      <SpaceBetween size="l">
        {FEATURES.map((feature) => (
          <div key={feature.name}>
            <Checkbox
              checked={chosen.includes(feature.name)}
              disabled={on?.includes(feature.name)}
              onChange={({ detail }) => toggle(feature.name, detail.checked)}
              description={feature.description}
            >
              {feature.label}
            </Checkbox>
            {on?.includes(feature.name) && <StatusIndicator type="success">Already on</StatusIndicator>}
          </div>
        ))}
      </SpaceBetween>
    </Container>
  );
}

interface DelegateFieldProps {
  /** The text of the field; empty for no new delegated administrator. */
  account: string;
  onChange: (account: string) => void;
  /** Whether the text prevented the next step of the wizard. */
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
            {one.name ?? one.account_id} is already a delegated administrator
          </StatusIndicator>
        ))}
        <AccountField
          account={account}
          onChange={(text) => onChange(text.trim())}
          description="Choose an account without workloads and with few users, such as a security account."
          hint="Enter a 12-digit account id. If empty, no account is registered."
          errorText={isWrong && !isAccountId(account) ? "Choose an account, or enter its 12-digit id." : undefined}
          isOffered={(one) => one.role === "member"}
        />
      </SpaceBetween>
    </Container>
  );
}

/** The names that ListOrganizationsFeatures of IAM returns. */
export type FeatureName = "RootCredentialsManagement" | "RootSessions";

interface Feature {
  name: FeatureName;
  label: string;
  description: string;
}

export const FEATURES: readonly Feature[] = [
  {
    name: "RootCredentialsManagement",
    label: "Root credentials management",
    description: "Lets you view, delete and recover root user credentials of member accounts from one place. New accounts are then created without root user credentials.",
  },
  {
    name: "RootSessions",
    label: "Privileged root actions in member accounts",
    description: "Lets you remove a bucket or queue policy that denies everyone, without a root user password.",
  },
];

export const TRUSTED_ACCESS_DESCRIPTION =
  "Trusted access lets IAM work in member accounts. It gives no user any permission. The other steps require it.";

export const DELEGATE_DESCRIPTION =
  "A member account that can use both features, so that you don't need the management account for daily work. It is also the failsafe: its root login is kept, so that you can sign in when your identity provider is down.";

export function canChangeSetup(me: Me | undefined): boolean {
  return hasPermission(me, "setup:change");
}
