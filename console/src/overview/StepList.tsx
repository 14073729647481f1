/** Changes of the set-up: planned, or made with what came of each. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { SetupSteps } from "../api/records";

const OUTCOMES: { [outcome: string]: { type: StatusIndicatorProps.Type; words: string } } = {
  planned: { type: "pending", words: "Planned" },
  changed: { type: "success", words: "Done" },
  unneeded: { type: "success", words: "So already" },
  failed: { type: "error", words: "Failed" },
  unknown: { type: "error", words: "Not known whether it was done" },
  skipped: { type: "stopped", words: "Left out" },
};

export function StepList({ done }: { done: SetupSteps }) {
  const isEmpty = done.steps.length === 0;
  return (
    <Container>
      <SpaceBetween size="m">
        {isEmpty && <Box>Nothing needs to be changed.</Box>}
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
  const told = OUTCOMES[step.outcome];
  return (
    <div>
      <Box variant="h4" tagOverride="p">
        {step.what}
      </Box>
      <StatusIndicator type={told?.type ?? "info"}>{told?.words ?? step.outcome}</StatusIndicator>
      {step.detail && <Box color="text-body-secondary">{step.detail}</Box>}
    </div>
  );
}
