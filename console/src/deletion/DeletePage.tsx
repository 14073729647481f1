/**
 * The page that deletes root user credentials: select, plan, review, delete. The job of each step is in the URL, so that a
 * reload, another browser or a new sign-in continues at the same step.
 */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import { useObservable } from "../api/observable";
import { hasPermission, useMe } from "../api/queries";
import type { CredentialKind } from "../api/records";
import { handleSubmit } from "../components/Dialog";
import { PageFrame, ProblemAlert, QueryPlaceholder } from "../components/PageFrame";
import { useExceptions } from "../exceptions/exceptions";
import { type AccountListing, CREDENTIAL_KINDS, useListing } from "../organization/listing";
import {
  type ExcludedAccount,
  groupSelection,
  isEmptySelection,
  selectedAccounts,
  selectForDeletion,
} from "../organization/selection";
import { DeletionProgress } from "./DeletionProgress";
import { PlanReview } from "./PlanReview";

export default function DeletePage() {
  const [parameters, setParameters] = useSearchParams();
  const planId = parameters.get("plan");
  const runId = parameters.get("run");
  return (
    <PageFrame
      title="Delete root user credentials"
      description="Deletes access keys, signing certificates, the password and MFA devices of root users, in this order. The accounts stay."
    >
      {runId ? (
        <DeletionProgress key={runId} jobId={runId} />
      ) : planId ? (
        <PlanReview
          key={planId}
          jobId={planId}
          onPlanned={(id) => setParameters({ plan: id })}
          onStarted={(id) => {
            selectedAccounts.set(new Set());
            setParameters({ run: id });
          }}
          onBack={() => setParameters({})}
        />
      ) : (
        <SelectionStep onPlanned={(id) => setParameters({ plan: id })} />
      )}
    </PageFrame>
  );
}

const REFRESH_MILLISECONDS = 30_000;
const MAX_ITEMS = 20;
const KIND_LABELS: { [kind in CredentialKind]: string } = {
  password: "Password",
  access_keys: "Access keys",
  signing_certificates: "Signing certificates",
  mfa_devices: "MFA devices",
};

function SelectionStep({ onPlanned }: { onPlanned: (jobId: string) => void }) {
  const navigate = useNavigate();
  const { data: me } = useMe();
  const listing = useListing(REFRESH_MILLISECONDS);
  const selected = useObservable(selectedAccounts);
  const goBack = () => void navigate("/accounts");
  if (me && !hasPermission(me, "root_credentials:delete"))
    return (
      <Alert type="warning" header={`The role ${me.role} can't delete root user credentials.`}>
        Ask an operator or administrator.
      </Alert>
    );
  if (selected.size === 0)
    return (
      <Alert type="info" header="No account is selected." action={<Button onClick={goBack}>Show accounts</Button>}>
        Select accounts or organizational units first.
      </Alert>
    );
  if (!listing.data)
    return <QueryPlaceholder query={listing} height="16rem" />;
  return <SelectionForm listing={listing.data} selected={selected} onPlanned={onPlanned} onBack={goBack} />;
}

interface SelectionFormProps {
  listing: AccountListing;
  selected: ReadonlySet<string>;
  onPlanned: (jobId: string) => void;
  onBack: () => void;
}

function SelectionForm({ listing, selected, onPlanned, onBack }: SelectionFormProps) {
  const exceptions = useExceptions();
  const [kinds, setKinds] = useState<readonly CredentialKind[]>(CREDENTIAL_KINDS);
  const { selection, excluded } = selectForDeletion(listing, selected, exceptions.reasons);
  const isReady = !isEmptySelection(selection) && kinds.length > 0;
  const planning = useMutation({
    mutationFn: () => {
      const only = kinds.length === CREDENTIAL_KINDS.length ? null : [...kinds];
      return unwrap(api.POST("/api/v1/plans", { body: { selection, only, allowed_uses: [], uses_recent_readings: true } }));
    },
    onSuccess: (job) => onPlanned(job.job_id),
    meta: { showsErrors: true },
  });
  return (
    <form onSubmit={handleSubmit(() => planning.mutate(), isReady && !planning.isPending)}>
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
              disabledReason={kinds.length === 0 ? "Select at least one kind of credentials." : "None of the selected accounts can be changed."}
            >
              Create plan
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <ProblemAlert error={planning.error} />
          <SelectedAccounts listing={listing} selected={selected} />
          <ExcludedAccounts excluded={excluded} />
          <KindsField kinds={kinds} onChange={setKinds} />
        </SpaceBetween>
      </Form>
    </form>
  );
}

function SelectedAccounts({ listing, selected }: { listing: AccountListing; selected: ReadonlySet<string> }) {
  const { units, accounts } = groupSelection(listing, selected);
  return (
    <Container
      header={
        <Header variant="h2" description="The plan uses detailed readings of the last hour, and reads the other accounts now. It changes nothing.">
          Selected: {selected.size.toLocaleString()} {selected.size === 1 ? "account" : "accounts"}
        </Header>
      }
    >
      <ul className="plain">
        {units.slice(0, MAX_ITEMS).map((branch) => (
          <li key={branch.unit.ou_id}>
            {branch.path}, the whole organizational unit: {branch.all.length.toLocaleString()} accounts
          </li>
        ))}
        {accounts.slice(0, MAX_ITEMS).map((account) => (
          <li key={account.account_id}>
            {account.name} ({account.account_id})
          </li>
        ))}
        <MoreItems count={Math.max(0, units.length - MAX_ITEMS) + Math.max(0, accounts.length - MAX_ITEMS)} />
      </ul>
    </Container>
  );
}

function ExcludedAccounts({ excluded }: { excluded: readonly ExcludedAccount[] }) {
  if (excluded.length === 0) return null;
  return (
    <Alert type="info" header={`Accounts excluded from the plan: ${excluded.length.toLocaleString()}`}>
      <ul className="plain">
        {excluded.slice(0, MAX_ITEMS).map(({ account, reason }) => (
          <li key={account.account_id}>
            {account.name} ({account.account_id}): {reason}
          </li>
        ))}
        <MoreItems count={Math.max(0, excluded.length - MAX_ITEMS)} />
      </ul>
    </Alert>
  );
}

function MoreItems({ count }: { count: number }) {
  return count > 0 ? <li>and {count.toLocaleString()} more</li> : null;
}

function KindsField({ kinds, onChange }: { kinds: readonly CredentialKind[]; onChange: (kinds: readonly CredentialKind[]) => void }) {
  const toggle = (kind: CredentialKind, isChecked: boolean) =>
    onChange(CREDENTIAL_KINDS.filter((one) => (one === kind ? isChecked : kinds.includes(one))));
  return (
    <Container header={<Header variant="h2">Credentials to delete</Header>}>
      <FormField
        label="Kinds of credentials"
        description="MFA devices are deleted last. They stay if a password or key that they protect stays."
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
