/** One policy in full: which statement locks, what would stand in its place, and what can be done. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { saveText } from "../api/downloads";
import type { ShownPolicy } from "../api/records";
import { ChangePolicy } from "./ChangePolicy";
import { Document } from "./Document";
import { type Change } from "./policies";
import { VerdictOf } from "./ResourceTable";

interface PolicyDetailsProps {
  shown: ShownPolicy;
  /** Whether a change was asked for since: then it has to be shown anew before the next. */
  wasChanged: boolean;
  onChanged: (jobId: string) => void;
}

export function PolicyDetails({ shown, wasChanged, onChanged }: PolicyDetailsProps) {
  const [asked, setAsked] = useState<Change | null>(null);
  const offersCorrection = shown.locking_statements.length > 0 && !wasChanged;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`In ${shown.region}, account ${shown.account_id}`}
          actions={!wasChanged && <Actions shown={shown} onAsk={setAsked} />}
        >
          {wasChanged ? `The policy of ${shown.name} before the change` : `Policy of ${shown.name}`}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <VerdictOf one={shown} />
        {shown.protected && (
          <Alert type="info" header="It is protected: the settings say that Rootkeeper never changes it.">
            The setting unlock.protect names it.
          </Alert>
        )}
        {shown.locking_statements.length === 0 && <div>{shown.explanation}</div>}
        {shown.locking_statements.map((one) => (
          <div key={one.number}>{one.explanation}</div>
        ))}
        {shown.policy_text !== null && (
          <ColumnLayout columns={offersCorrection ? 2 : 1}>
            <Document title={wasChanged ? "As it was" : "As it is"} policy={shown.policy} />
            {offersCorrection && <Document title="Without what locks" policy={shown.corrected_policy} />}
          </ColumnLayout>
        )}
      </SpaceBetween>
      {asked && <ChangePolicy shown={shown} change={asked} onChanged={onChanged} onClose={() => setAsked(null)} />}
    </Container>
  );
}

function Actions({ shown, onAsk }: { shown: ShownPolicy; onAsk: (change: Change) => void }) {
  const text = shown.policy_text;
  const isProtected = shown.protected;
  return (
    <SpaceBetween size="xs" direction="horizontal">
      {text !== null && (
        <Button iconName="download" onClick={() => saveText(text, `${shown.account_id}-${shown.service}-${shown.region}-${shown.name}.json`)}>
          Download
        </Button>
      )}
      {!isProtected && <Button onClick={() => onAsk("restore")}>Put a saved copy back</Button>}
      {!isProtected && <Button onClick={() => onAsk("replace")}>Replace</Button>}
      {!isProtected && text !== null && <Button onClick={() => onAsk("remove")}>Remove</Button>}
      {!isProtected && shown.locking_statements.length > 0 && (
        <Button variant="primary" onClick={() => onAsk("corrected")}>
          Correct
        </Button>
      )}
    </SpaceBetween>
  );
}
