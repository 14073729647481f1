/** The last question before anything goes. For many accounts the organization's id is typed, so that nobody slips. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { ask, api } from "../../api/client";
import type { DeletionPlan, PlannedAccount } from "../../api/records";
import { Dialog } from "../../settings/Dialog";
import { countCalls, countCertificates } from "./plans";
import { toWavesBody, type Waves } from "./WaveFields";

interface ConfirmDeletionProps {
  plan: DeletionPlan;
  targets: readonly PlannedAccount[];
  waves: Waves;
  onBegun: (jobId: string) => void;
  onClose: () => void;
}

const MANY = 10;

export function ConfirmDeletion({ plan, targets, waves, onBegun, onClose }: ConfirmDeletionProps) {
  const [typed, setTyped] = useState("");
  const [knowsCertificates, setKnowsCertificates] = useState(false);
  const certificates = countCertificates(targets);
  const isMany = targets.length > MANY;
  const isConfirmed = (!isMany || typed.trim() === plan.organization_id) && (certificates === 0 || knowsCertificates);
  const begin = () => {
    const body = { plan: plan as unknown as { [key: string]: unknown }, waves: toWavesBody(waves) };
    return ask(api.POST("/api/v1/deletions", { body }));
  };
  return (
    <Dialog
      title={`Delete root user credentials in ${targets.length.toLocaleString()} ${targets.length === 1 ? "account" : "accounts"}?`}
      submitText="Delete"
      canSubmit={isConfirmed}
      act={begin}
      onDone={(job) => onBegun(job.job_id)}
      onClose={onClose}
      staysOpen
    >
      <Alert type="warning" header={`${countCalls(targets)} will go.`}>
        Keys, certificates and MFA devices can&apos;t be restored. A workload that still uses a root access key stops. Organization{" "}
        {plan.organization_id} at {plan.endpoint}.
      </Alert>
      {certificates > 0 && (
        <Checkbox
          checked={knowsCertificates}
          onChange={({ detail }) => setKnowsCertificates(detail.checked)}
          description="To keep them, choose again without signing certificates."
        >
          Nobody needs the {certificates.toLocaleString()} signing {certificates === 1 ? "certificate" : "certificates"}: AWS
          doesn&apos;t tell when one was used last
        </Checkbox>
      )}
      {isMany && (
        <FormField
          label="Type the organization's id"
          description={
            <>
              These are more than {MANY} accounts. Type <Box variant="code">{plan.organization_id}</Box> to go on.
            </>
          }
        >
          <Input value={typed} onChange={({ detail }) => setTyped(detail.value)} autoComplete="off" autoFocus />
        </FormField>
      )}
    </Dialog>
  );
}
