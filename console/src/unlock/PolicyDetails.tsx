/** One policy: the statements that lock, the corrected policy, the possible changes, and the result of a change. */
import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { saveText } from "../api/downloads";
import type { ChangedPolicy, ShownPolicy } from "../api/records";
import { ChangePolicy, PolicyDocument } from "./ChangePolicy";
import { type Change, VERDICTS } from "./policies";
import { PolicyVerdict } from "./ResourceTable";

interface PolicyDetailsProps {
  shown: ShownPolicy;
  /** Whether a change was started since. The policy must be shown again before the next change. */
  wasChanged: boolean;
  onChanged: (jobId: string) => void;
}

export function PolicyDetails({ shown, wasChanged, onChanged }: PolicyDetailsProps) {
  const [change, setChange] = useState<Change | null>(null);
  const offersCorrection = shown.locking_statements.length > 0 && !wasChanged;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`In ${shown.region}, account ${shown.account_id}`}
          actions={!wasChanged && <Actions shown={shown} onChoose={setChange} />}
        >
          {wasChanged ? `Policy of ${shown.name} before the change` : `Policy of ${shown.name}`}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <PolicyVerdict resource={shown} />
        {shown.protected && (
          <Alert type="info" header="The policy is protected. Rootkeeper doesn't change it.">
            It is listed in the setting unlock.protect.
          </Alert>
        )}
        {shown.locking_statements.length === 0 && <div>{shown.explanation}</div>}
        {shown.locking_statements.map((one) => (
          <div key={one.number}>{one.explanation}</div>
        ))}
        {shown.policy_text !== null && (
          <ColumnLayout columns={offersCorrection ? 2 : 1}>
            <PolicyDocument title={wasChanged ? "Previous policy" : "Current policy"} policy={shown.policy} />
            {offersCorrection && <PolicyDocument title="Corrected policy" policy={shown.corrected_policy} />}
          </ColumnLayout>
        )}
      </SpaceBetween>
      {change && <ChangePolicy shown={shown} change={change} onChanged={onChanged} onClose={() => setChange(null)} />}
    </Container>
  );
}

function Actions({ shown, onChoose }: { shown: ShownPolicy; onChoose: (change: Change) => void }) {
  const text = shown.policy_text;
  const isProtected = shown.protected;
  return (
    <SpaceBetween size="xs" direction="horizontal">
      {text !== null && (
        <Button iconName="download" onClick={() => saveText(text, `${shown.account_id}-${shown.service}-${shown.region}-${shown.name}.json`)}>
          Download policy
        </Button>
      )}
      {!isProtected && <Button onClick={() => onChoose("restore")}>Restore policy</Button>}
      {!isProtected && <Button onClick={() => onChoose("replace")}>Replace policy</Button>}
      {!isProtected && text !== null && <Button onClick={() => onChoose("remove")}>Remove policy</Button>}
      {!isProtected && shown.locking_statements.length > 0 && (
        <Button variant="primary" onClick={() => onChoose("corrected")}>
          Correct policy
        </Button>
      )}
    </SpaceBetween>
  );
}

const RESULTS: { readonly [result in ChangedPolicy["result"]]: { type: AlertProps.Type; label: string } } = {
  done: { type: "success", label: "The policy was changed, confirmed by a re-read." },
  failed: { type: "error", label: "The policy wasn't changed." },
  unchanged: { type: "info", label: "No change was needed." },
  unknown: { type: "warning", label: "It isn't known whether the policy was changed." },
};

export function ChangeOutcome({ outcome, onShowPolicy }: { outcome: ChangedPolicy; onShowPolicy: () => void }) {
  const { type, label } = RESULTS[outcome.result];
  return (
    <Alert type={type} header={label} action={<Button onClick={onShowPolicy}>Show current policy</Button>}>
      <SpaceBetween size="xxs">
        {outcome.explanation !== label && <div>{outcome.explanation}</div>}
        {outcome.verdict_after && (
          <div>
            {outcome.name}: {VERDICTS[outcome.verdict_after].label}.
          </div>
        )}
        {outcome.saved && (
          <div>
            The previous policy is saved at <span className="policy">{outcome.saved.path}</span>, SHA-256{" "}
            <span className="policy">{outcome.saved.sha256}</span>.
          </div>
        )}
      </SpaceBetween>
    </Alert>
  );
}
