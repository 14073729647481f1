/** What was chosen, what of it is left out, and which kinds shall go; then a plan is made, which changes nothing. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ask, api } from "../../api/client";
import { useObservable } from "../../api/observable";
import { may, useMe } from "../../api/queries";
import type { CredentialKind } from "../../api/records";
import { ProblemAlert } from "../../shell/ProblemAlert";
import { submitting } from "../../signin/submitting";
import { chosenAccounts, describeChoice, isEmpty, selectForDeletion, type Omission } from "../chosen";
import { useExceptions } from "../exceptions";
import { CREDENTIAL_KINDS, useListing, type Listing } from "../listing";

const READ_AGAIN_MILLISECONDS = 30_000;
const SHOWN = 20;
const KIND_LABELS: { [kind in CredentialKind]: string } = {
  password: "Password",
  access_keys: "Access keys",
  signing_certificates: "Signing certificates",
  mfa_devices: "MFA devices",
};

export function Choice({ onPlanned }: { onPlanned: (jobId: string) => void }) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const listing = useListing(READ_AGAIN_MILLISECONDS);
  const chosen = useObservable(chosenAccounts);
  const goBack = () => void navigate("/accounts");
  if (me && !may(me, "root_credentials:delete"))
    return (
      <Alert type="warning" header={`The role ${me.role} doesn't delete root user credentials.`}>
        Ask somebody with the role operator or administrator.
      </Alert>
    );
  if (chosen.size === 0)
    return (
      <Alert type="info" header="No account is selected." action={<Button onClick={goBack}>Go to the accounts</Button>}>
        Select accounts or whole organizational units first.
      </Alert>
    );
  if (!listing.data)
    return listing.error ? <ProblemAlert error={listing.error} onRetry={() => void listing.refetch()} /> : <Skeleton height="16rem" />;
  return <ChoiceForm listing={listing.data} chosen={chosen} onPlanned={onPlanned} onBack={goBack} />;
}

interface ChoiceFormProps {
  listing: Listing;
  chosen: ReadonlySet<string>;
  onPlanned: (jobId: string) => void;
  onBack: () => void;
}

function ChoiceForm({ listing, chosen, onPlanned, onBack }: ChoiceFormProps) {
  const exceptions = useExceptions();
  const [kinds, setKinds] = useState<readonly CredentialKind[]>(CREDENTIAL_KINDS);
  const { selection, omitted } = selectForDeletion(listing, chosen, exceptions.reasons);
  const isReady = !isEmpty(selection) && kinds.length > 0;
  const planning = useMutation({
    mutationFn: () => {
      const only = kinds.length === CREDENTIAL_KINDS.length ? null : [...kinds];
      return ask(api.POST("/api/v1/plans", { body: { selection, only, allowed_uses: [] } }));
    },
    onSuccess: (job) => onPlanned(job.job_id),
    meta: { showsErrors: true },
  });
  return (
    <form onSubmit={submitting(() => planning.mutate(), isReady && !planning.isPending)}>
      <Form
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button formAction="none" variant="link" onClick={onBack}>
              Cancel
            </Button>
            <Button
              variant="primary"
              loading={planning.isPending}
              disabled={!isReady}
              disabledReason={kinds.length === 0 ? "Choose a kind." : "Nothing that is selected may be touched."}
            >
              Make the plan
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <ProblemAlert error={planning.error} />
          <Chosen listing={listing} chosen={chosen} />
          <LeftOut omitted={omitted} />
          <Kinds kinds={kinds} onChange={setKinds} />
        </SpaceBetween>
      </Form>
    </form>
  );
}

function Chosen({ listing, chosen }: { listing: Listing; chosen: ReadonlySet<string> }) {
  const { units, accounts } = describeChoice(listing, chosen);
  return (
    <Container
      header={
        <Header variant="h2" description="Each account is read again for the plan, with ages and last uses. That changes nothing.">
          Selected: {chosen.size.toLocaleString()} {chosen.size === 1 ? "account" : "accounts"}
        </Header>
      }
    >
      <ul className="plain">
        {units.slice(0, SHOWN).map((branch) => (
          <li key={branch.unit.ou_id}>
            {branch.path}, the whole unit: {branch.all.length.toLocaleString()} accounts
          </li>
        ))}
        {accounts.slice(0, SHOWN).map((account) => (
          <li key={account.account_id}>
            {account.name} ({account.account_id})
          </li>
        ))}
        <More count={Math.max(0, units.length - SHOWN) + Math.max(0, accounts.length - SHOWN)} />
      </ul>
    </Container>
  );
}

function LeftOut({ omitted }: { omitted: readonly Omission[] }) {
  if (omitted.length === 0) return null;
  return (
    <Alert type="info" header={`Left out of the plan: ${omitted.length.toLocaleString()}`}>
      <ul className="plain">
        {omitted.slice(0, SHOWN).map(({ account, why }) => (
          <li key={account.account_id}>
            {account.name} ({account.account_id}): {why}
          </li>
        ))}
        <More count={Math.max(0, omitted.length - SHOWN)} />
      </ul>
    </Alert>
  );
}

function More({ count }: { count: number }) {
  return count > 0 ? <li>and {count.toLocaleString()} more</li> : null;
}

function Kinds({ kinds, onChange }: { kinds: readonly CredentialKind[]; onChange: (kinds: readonly CredentialKind[]) => void }) {
  const toggle = (kind: CredentialKind, isChosen: boolean) =>
    onChange(CREDENTIAL_KINDS.filter((one) => (one === kind ? isChosen : kinds.includes(one))));
  return (
    <Container header={<Header variant="h2">What shall go</Header>}>
      <FormField
        label="Kinds of credentials"
        description="MFA devices go last, and stay while a password or key that they guard is left."
      >
        <SpaceBetween size="xs">
          {CREDENTIAL_KINDS.map((kind) => (
            <Checkbox key={kind} checked={kinds.includes(kind)} onChange={({ detail }) => toggle(kind, detail.checked)}>
              {KIND_LABELS[kind]}
            </Checkbox>
          ))}
        </SpaceBetween>
      </FormField>
    </Container>
  );
}
