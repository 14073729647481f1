/** The last confirmation before a deletion, and its waves. For many accounts the organization id must be typed. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import type { components } from "../api/generated";
import type { DeletionPlan, PlannedAccount } from "../api/records";
import { Dialog } from "../components/Dialog";
import { countCalls, countCertificates } from "./plans";

interface ConfirmDeletionProps {
  plan: DeletionPlan;
  targets: readonly PlannedAccount[];
  waves: Waves;
  onStarted: (jobId: string) => void;
  onClose: () => void;
}

const TYPED_CONFIRMATION_FROM = 10;

export function ConfirmDeletion({ plan, targets, waves, onStarted, onClose }: ConfirmDeletionProps) {
  const [typed, setTyped] = useState("");
  const [acceptsCertificates, setAcceptsCertificates] = useState(false);
  const certificates = countCertificates(targets);
  const needsTyping = targets.length > TYPED_CONFIRMATION_FROM;
  const isConfirmed = (!needsTyping || typed.trim() === plan.organization_id) && (certificates === 0 || acceptsCertificates);
  const start = () => {
    const body = { plan_id: plan.plan_id, waves: toWavesBody(waves) };
    return unwrap(api.POST("/api/v1/deletions", { body }));
  };
  return (
    <Dialog
      title={`Delete root user credentials in ${targets.length.toLocaleString()} ${targets.length === 1 ? "account" : "accounts"}?`}
      submitText="Delete credentials"
      canSubmit={isConfirmed}
      act={start}
      onDone={(job) => onStarted(job.job_id)}
      onClose={onClose}
      staysOpen
    >
      <Alert type="warning" header={`This deletes ${countCalls(targets)}.`}>
        You can&apos;t restore keys, certificates and MFA devices. A workload that still uses a root access key stops working.
        Organization {plan.organization_id} at {plan.endpoint}.
      </Alert>
      {certificates > 0 && (
        <Checkbox
          checked={acceptsCertificates}
          onChange={({ detail }) => setAcceptsCertificates(detail.checked)}
          description="To keep them, change the selection and leave signing certificates out."
        >
          No one needs the {certificates.toLocaleString()} signing {certificates === 1 ? "certificate" : "certificates"}. AWS
          doesn&apos;t report their last use
        </Checkbox>
      )}
      {needsTyping && (
        <FormField
          label="Enter the organization id"
          description={
            <>
              The deletion affects more than {TYPED_CONFIRMATION_FROM} accounts. To confirm, enter <Box variant="code">{plan.organization_id}</Box>.
            </>
          }
        >
          <Input value={typed} onChange={({ detail }) => setTyped(detail.value)} autoComplete="off" autoFocus />
        </FormField>
      )}
    </Dialog>
  );
}

export interface Waves {
  canary: number;
  /** `null`: all remaining accounts in one wave. */
  size: number | null;
  pause_seconds: number;
  /** `null`: no limit. */
  stop_after_failures: number | null;
}

const SMALL_DELETION = 10;

/** Larger deletions start with one account and stop at the third failure. */
export function chooseDefaultWaves(targets: number): Waves {
  return targets > SMALL_DELETION
    ? { canary: 1, size: 50, pause_seconds: 0, stop_after_failures: 3 }
    : { canary: 0, size: null, pause_seconds: 0, stop_after_failures: null };
}

function toWavesBody(waves: Waves): components["schemas"]["WavesBody"] {
  return { ...waves };
}

interface WaveFieldsProps {
  waves: Waves;
  most: number;
  onChange: (waves: Waves) => void;
}

export function WaveFields({ waves, most, onChange }: WaveFieldsProps) {
  const change = (part: Partial<Waves>) => onChange({ ...waves, ...part });
  return (
    <Container
      header={
        <Header variant="h2" description="The first accounts are deleted separately. The rest starts only if all of them succeed.">
          Waves
        </Header>
      }
    >
      <ColumnLayout columns={4}>
        <NumberField
          label="First accounts"
          description="0: no separate first wave"
          value={waves.canary}
          most={Math.min(most, 1_000)}
          onChange={(canary) => change({ canary: canary ?? 0 })}
        />
        <NumberField
          label="Accounts per wave"
          description="Empty: all in one wave"
          value={waves.size}
          least={1}
          most={most}
          onChange={(size) => change({ size })}
        />
        <NumberField
          label="Pause between waves (seconds)"
          description="At most 86,400"
          value={waves.pause_seconds}
          most={86_400}
          onChange={(seconds) => change({ pause_seconds: seconds ?? 0 })}
        />
        <NumberField
          label="Stop after failures"
          description="Empty: never"
          value={waves.stop_after_failures}
          least={1}
          most={most}
          onChange={(failures) => change({ stop_after_failures: failures })}
        />
      </ColumnLayout>
    </Container>
  );
}

interface NumberFieldProps {
  label: string;
  description: string;
  value: number | null;
  least?: number;
  most: number;
  onChange: (value: number | null) => void;
}

function NumberField({ label, description, value, least = 0, most, onChange }: NumberFieldProps) {
  const parse = (text: string) => {
    if (text === "") onChange(null);
    else if (/^\d{1,6}$/.test(text)) onChange(Math.min(most, Math.max(least, Number(text))));
  };
  return (
    <FormField label={label} description={description}>
      <Input inputMode="numeric" value={value === null ? "" : String(value)} onChange={({ detail }) => parse(detail.value)} />
    </FormField>
  );
}
