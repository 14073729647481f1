/** The guardrails page: runs a preflight and shows which policies block which tasks. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { api, unwrap } from "../api/client";
import { isFinished, refreshJobs, useJob, useLastJob } from "../api/jobs";
import { hasPermission, useMe } from "../api/queries";
import type { Job, Preflight } from "../api/records";
import { Dialog } from "../components/Dialog";
import { PageFrame, QueryProblem } from "../components/PageFrame";
import { JobOutcomeView } from "../jobs/JobOutcomeView";
import { AccountField } from "../organization/AccountField";
import { type Unit, useListing } from "../organization/listing";
import { EMPTY_SELECTION, selectAccounts, type SelectionBody } from "../organization/selection";
import { EmptyText } from "../tables/QueryTable";
import { PreflightMatrix } from "./PreflightMatrix";

export default function GuardrailsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const [isOpen, setOpen] = useState(false);
  const last = useLastJob("preflight");
  const jobId = parameters.get("job") ?? last.data?.job_id ?? null;
  const job = useJob(jobId);
  const canRun = hasPermission(me, "preflights:run");
  const isActive = job.data !== undefined && !isFinished(job.data) && job.data.state !== "interrupted";
  return (
    <PageFrame
      title="Guardrails"
      description="Service control policies (SCPs) and resource control policies (RCPs) also apply to root sessions. A preflight reads them and shows which tasks they block. It opens no root session."
      actions={
        canRun && (
          <Button variant="primary" loading={isActive} loadingText="A preflight is running" onClick={() => setOpen(true)}>
            Run preflight
          </Button>
        )
      }
    >
      <SpaceBetween size="l">
        <QueryProblem query={last} />
        {jobId && (
          <JobOutcomeView<Preflight> key={jobId} jobId={jobId}>
            {(preflight) => <PreflightMatrix preflight={preflight} />}
          </JobOutcomeView>
        )}
        {last.data === null && !jobId && <NoPreflight canRun={canRun} />}
      </SpaceBetween>
      {isOpen && (
        <RunPreflight onClose={() => setOpen(false)} onStarted={(made) => setParameters({ job: made.job_id }, { replace: true })} />
      )}
    </PageFrame>
  );
}

function NoPreflight({ canRun }: { canRun: boolean }) {
  return (
    <Container>
      <EmptyText>
        No preflight yet. {canRun ? "Run one to find blocking policies before an emergency." : "Ask an auditor to run one."}
      </EmptyText>
    </Container>
  );
}

interface RunPreflightProps {
  onStarted: (job: Job) => void;
  onClose: () => void;
}

type Scope = "everything" | "unit" | "account";

function RunPreflight({ onStarted, onClose }: RunPreflightProps) {
  const [scope, setScope] = useState<Scope>("everything");
  const [unit, setUnit] = useState("");
  const [account, setAccount] = useState("");
  const selection = makeSelection(scope, unit, account.trim());
  return (
    <Dialog
      title="Run preflight"
      submitText="Run preflight"
      canSubmit={selection !== null}
      act={() => unwrap(api.POST("/api/v1/preflights", { body: { selection } }))}
      onDone={(job) => {
        onStarted(job);
        void refreshJobs();
      }}
      onClose={onClose}
    >
      <FormField label="Accounts">
        <RadioGroup
          value={scope}
          onChange={({ detail }) => setScope(detail.value as Scope)}
          items={[
            { value: "everything", label: "The whole organization" },
            { value: "unit", label: "One organizational unit and everything below it" },
            { value: "account", label: "One account" },
          ]}
        />
      </FormField>
      {scope === "unit" && <UnitField unit={unit} onChange={setUnit} />}
      {scope === "account" && <AccountField account={account} onChange={setAccount} />}
    </Dialog>
  );
}

function makeSelection(scope: Scope, unit: string, account: string): SelectionBody | null {
  if (scope === "everything") return { ...EMPTY_SELECTION, everything: true };
  if (scope === "unit") return unit ? { ...EMPTY_SELECTION, organizational_units: [unit] } : null;
  return account ? selectAccounts([account]) : null;
}

function UnitField({ unit, onChange }: { unit: string; onChange: (unit: string) => void }) {
  const { data, isPending } = useListing(60_000);
  const options = listPaths(data?.units ?? []);
  return (
    <FormField label="Organizational unit">
      <Select
        selectedOption={options.find((one) => one.value === unit) ?? null}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
        filteringType="auto"
        placeholder="Choose an organizational unit"
        statusType={isPending ? "loading" : "finished"}
        empty="No organizational units. Run an audit first."
        expandToViewport
      />
    </FormField>
  );
}

/** Each unit with its path of names. */
function listPaths(units: readonly Unit[]): { value: string; label: string; description: string }[] {
  const byId = new Map(units.map((one) => [one.ou_id, one]));
  const pathOf = (one: Unit): string => {
    const parent = one.parent_id === null ? undefined : byId.get(one.parent_id);
    return parent ? `${pathOf(parent)}/${one.name}` : one.name;
  };
  return units
    .map((one) => ({ value: one.ou_id, label: pathOf(one), description: one.ou_id }))
    .sort((one, other) => one.label.localeCompare(other.label));
}
