/** The set-up wizard: trusted access, features and the delegated administrator. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Wizard from "@cloudscape-design/components/wizard";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { queries, useMe } from "../api/queries";
import type { SetupState, SetupSteps } from "../api/records";
import { ProblemAlert, QueryPlaceholder } from "../components/PageFrame";
import {
  canChangeSetup,
  DELEGATE_DESCRIPTION,
  DelegateField,
  FeatureFields,
  type FeatureName,
  FEATURES,
  isAccountId,
  TRUSTED_ACCESS_DESCRIPTION,
} from "./SetUpFields";

export default function SetUpPage() {
  const { data: me } = useMe();
  const state = useQuery({ queryKey: ["setup"], queryFn: () => unwrap(api.GET("/api/v1/setup")) });
  if (!canChangeSetup(me))
    return (
      <Alert type="warning" header="Only an administrator can change the set-up.">
        The overview shows what is on and what is missing.
      </Alert>
    );
  if (!state.data)
    return <QueryPlaceholder query={state} height="20rem" />;
  return <SetUpWizard state={state.data} />;
}

const DELEGATE_STEP = 2;
const PLAN_STEP = 3;

function SetUpWizard({ state }: { state: SetupState }) {
  const navigate = useNavigate();
  const [step, setStep] = useState(0);
  const [features, setFeatures] = useState<FeatureName[]>(FEATURES.map((one) => one.name));
  const [delegate, setDelegate] = useState("");
  const [isDelegateWrong, setDelegateWrong] = useState(false);
  const body = { features, delegated_administrator: delegate || null };
  const planning = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/setup/plan", { body })),
    meta: { showsErrors: true },
  });
  const applying = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/setup", { body })),
    onSettled: () => queries.invalidateQueries(),
    meta: { showsErrors: true },
  });
  const plan = () => {
    applying.reset();
    planning.mutate();
  };
  const goTo = (next: number) => {
    const isDelegateWrong = next > DELEGATE_STEP && delegate !== "" && !isAccountId(delegate);
    setDelegateWrong(isDelegateWrong);
    if (isDelegateWrong) return;
    setStep(next);
    if (next === PLAN_STEP) plan();
  };
  /** Apply only a plan that was shown. */
  const submit = () => {
    if (!planning.data) plan();
    else if (planning.data.steps.length === 0) void navigate("/");
    else applying.mutate();
  };
  if (applying.data) return <SetUpResult done={applying.data} onClose={() => void navigate("/")} />;
  return (
    <Wizard
      activeStepIndex={step}
      onNavigate={({ detail }) => goTo(detail.requestedStepIndex)}
      onCancel={() => void navigate("/")}
      onSubmit={submit}
      isLoadingNextStep={applying.isPending || planning.isPending}
      submitButtonText={planning.data?.steps.length === 0 ? "Finish" : "Apply changes"}
      steps={[
        { title: "Trusted access", description: TRUSTED_ACCESS_DESCRIPTION, content: <TrustedAccess isOn={state.trusted_access} /> },
        {
          title: "Features",
          description: "The two features of centralized root access.",
          content: <FeatureFields chosen={features} onChange={setFeatures} on={state.features} />,
        },
        {
          title: "Delegated administrator",
          description: DELEGATE_DESCRIPTION,
          content: <DelegateField account={delegate} onChange={setDelegate} isWrong={isDelegateWrong} present={state.delegated_administrators} />,
        },
        {
          title: "Review",
          description: "These changes are made in this order.",
          content: <PlanStep plan={planning.data} isPlanning={planning.isPending} error={applying.error ?? planning.error} onRetry={plan} />,
        },
      ]}
    />
  );
}

interface ReviewProps {
  plan: SetupSteps | undefined;
  isPlanning: boolean;
  error: unknown;
  onRetry: () => void;
}

function PlanStep({ plan, isPlanning, error, onRetry }: ReviewProps) {
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={error} onRetry={onRetry} />
      {plan && <StepList done={plan} />}
      {isPlanning && <StatusIndicator type="loading">Reading the current set-up from AWS</StatusIndicator>}
    </SpaceBetween>
  );
}

function TrustedAccess({ isOn }: { isOn: boolean | null }) {
  return (
    <Container header={<Header variant="h2">Trusted access for IAM</Header>}>
      {isOn ? (
        <StatusIndicator type="success">Already on</StatusIndicator>
      ) : (
        <SpaceBetween size="xs">
          <StatusIndicator type={isOn === null ? "error" : "warning"}>{isOn === null ? "Unknown" : "Off"}</StatusIndicator>
          <Box>It is turned on first.</Box>
        </SpaceBetween>
      )}
    </Container>
  );
}

function SetUpResult({ done, onClose }: { done: SetupSteps; onClose: () => void }) {
  const isGood = done.steps.every((one) => one.outcome === "changed" || one.outcome === "unneeded");
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Set up root access management</Header>
      <Alert
        type={isGood ? "success" : "error"}
        header={isGood ? "The set-up is complete." : "Some changes failed."}
        dismissible
        onDismiss={onClose}
        dismissAriaLabel="Show overview"
      >
        {isGood ? "Next, audit the organization to see which accounts have root user credentials." : "See the results below, then run the wizard again. Finished changes are kept."}
      </Alert>
      <StepList done={done} />
    </SpaceBetween>
  );
}

const OUTCOMES: { [outcome: string]: { type: StatusIndicatorProps.Type; label: string } } = {
  planned: { type: "pending", label: "Planned" },
  changed: { type: "success", label: "Done" },
  unneeded: { type: "success", label: "Already done" },
  failed: { type: "error", label: "Failed" },
  unknown: { type: "error", label: "Unknown" },
  skipped: { type: "stopped", label: "Skipped" },
};

function StepList({ done }: { done: SetupSteps }) {
  const isEmpty = done.steps.length === 0;
  return (
    <Container>
      <SpaceBetween size="m">
        {isEmpty && <Box>No changes are needed.</Box>}
        {done.steps.map((step) => (
          <Step key={`${step.action} ${step.what}`} step={step} />
        ))}
        {done.unneeded?.map((what) => (
          <StatusIndicator key={what} type="success">
            {what}
          </StatusIndicator>
        ))}
        {done.remarks.map((remark) => (
          <Box key={remark} color="text-body-secondary">
            {remark}
          </Box>
        ))}
      </SpaceBetween>
    </Container>
  );
}

function Step({ step }: { step: SetupSteps["steps"][number] }) {
  const outcome = OUTCOMES[step.outcome];
  return (
    <div>
      <Box variant="h4" tagOverride="p">
        {step.what}
      </Box>
      <StatusIndicator type={outcome?.type ?? "info"}>{outcome?.label ?? step.outcome}</StatusIndicator>
      {step.detail && <Box color="text-body-secondary">{step.detail}</Box>}
    </div>
  );
}
