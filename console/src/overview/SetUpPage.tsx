/** The set-up wizard: trusted access, both features and the delegated administrator, each with its reason. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Wizard from "@cloudscape-design/components/wizard";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ask, api } from "../api/client";
import type { SetupState, SetupSteps } from "../api/records";
import { queries, useMe } from "../api/queries";
import { ProblemAlert } from "../shell/ProblemAlert";
import { DelegateField, isAccountId } from "./DelegateField";
import { FeatureFields } from "./FeatureFields";
import { DELEGATE_WHY, FEATURES, maySetUp, TRUSTED_ACCESS_WHY, type FeatureName } from "./set-up";
import { StepList } from "./StepList";

export default function SetUpPage() {
  const { data: me } = useMe();
  const state = useQuery({ queryKey: ["setup"], queryFn: () => ask(api.GET("/api/v1/setup")) });
  if (!maySetUp(me))
    return (
      <Alert type="warning" header="Only an administrator changes the set-up.">
        The overview shows what is on and what is missing.
      </Alert>
    );
  if (!state.data)
    return state.error ? <ProblemAlert error={state.error} onRetry={() => void state.refetch()} /> : <Skeleton height="20rem" />;
  return <SetUpWizard state={state.data} />;
}

const DELEGATE_STEP = 2;
const PLAN_STEP = 3;

function SetUpWizard({ state }: { state: SetupState }) {
  const navigate = useNavigate();
  const [step, setStep] = useState(0);
  const [features, setFeatures] = useState<FeatureName[]>(FEATURES.map((one) => one.name));
  const [delegate, setDelegate] = useState("");
  const [isStopped, setStopped] = useState(false);
  const body = { features, delegated_administrator: delegate || null };
  const planning = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/setup/plan", { body })),
    meta: { showsErrors: true },
  });
  const applying = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/setup", { body })),
    onSettled: () => queries.invalidateQueries(),
    meta: { showsErrors: true },
  });
  const plan = () => {
    applying.reset();
    planning.mutate();
  };
  const goTo = (next: number) => {
    const isStopped = next > DELEGATE_STEP && delegate !== "" && !isAccountId(delegate);
    setStopped(isStopped);
    if (isStopped) return;
    setStep(next);
    if (next === PLAN_STEP) plan();
  };
  /** Only what was shown is done. */
  const submit = () => {
    if (!planning.data) plan();
    else if (planning.data.steps.length === 0) void navigate("/");
    else applying.mutate();
  };
  if (applying.data) return <Result done={applying.data} onLeave={() => void navigate("/")} />;
  return (
    <Wizard
      activeStepIndex={step}
      onNavigate={({ detail }) => goTo(detail.requestedStepIndex)}
      onCancel={() => void navigate("/")}
      onSubmit={submit}
      isLoadingNextStep={applying.isPending || planning.isPending}
      submitButtonText={planning.data?.steps.length === 0 ? "Finish" : "Change the set-up"}
      steps={[
        { title: "Trusted access", description: TRUSTED_ACCESS_WHY, content: <TrustedAccess isOn={state.trusted_access} /> },
        {
          title: "Features",
          description: "Two features of IAM in your organization.",
          content: <FeatureFields chosen={features} onChange={setFeatures} on={state.features} />,
        },
        {
          title: "Delegated administrator",
          description: DELEGATE_WHY,
          content: <DelegateField account={delegate} onChange={setDelegate} isWrong={isStopped} present={state.delegated_administrators} />,
        },
        {
          title: "Review",
          description: "Exactly these changes will be made, in this order.",
          content: <Review plan={planning.data} isPlanning={planning.isPending} error={applying.error ?? planning.error} onRetry={plan} />,
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

function Review({ plan, isPlanning, error, onRetry }: ReviewProps) {
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={error} onRetry={onRetry} />
      {plan && <StepList done={plan} />}
      {isPlanning && <StatusIndicator type="loading">Reading what is on at AWS</StatusIndicator>}
    </SpaceBetween>
  );
}

function TrustedAccess({ isOn }: { isOn: boolean | null }) {
  return (
    <Container header={<Header variant="h2">Trusted access for IAM</Header>}>
      {isOn ? (
        <StatusIndicator type="success">On already</StatusIndicator>
      ) : (
        <SpaceBetween size="xs">
          <StatusIndicator type={isOn === null ? "error" : "warning"}>{isOn === null ? "Unknown" : "Off"}</StatusIndicator>
          <Box>It will be turned on before anything else.</Box>
        </SpaceBetween>
      )}
    </Container>
  );
}

function Result({ done, onLeave }: { done: SetupSteps; onLeave: () => void }) {
  const isGood = done.steps.every((one) => one.outcome === "changed" || one.outcome === "unneeded");
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Set up root access management</Header>
      <Alert
        type={isGood ? "success" : "error"}
        header={isGood ? "The set-up is as you asked for." : "Not everything was changed."}
        dismissible
        onDismiss={onLeave}
        dismissAriaLabel="Go to the overview"
      >
        {isGood ? "Next: audit the organization, to see which accounts have root user credentials." : "See below, then run this again: what is done already stays."}
      </Alert>
      <StepList done={done} />
    </SpaceBetween>
  );
}
