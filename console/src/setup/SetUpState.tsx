/** The set-up of root access management: what is on, what is missing and why it matters. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Overview, SetupState } from "../api/records";
import { FEATURES } from "./SetUpFields";

export function SetUpState({ overview }: { overview: Overview }) {
  return (
    <Container fitHeight header={<Header variant="h2">Set-up</Header>}>
      <SpaceBetween size="m">
        {overview.setup ? <SetUpParts setup={overview.setup} /> : <UnknownState problem={overview.setup_problem} />}
        {overview.missing.map((one) => (
          <div key={one.what}>
            <StatusIndicator type="warning">{one.what}</StatusIndicator>
            <Box color="text-body-secondary">
              {one.why} {one.action}
            </Box>
          </div>
        ))}
        <Failsafes overview={overview} />
      </SpaceBetween>
    </Container>
  );
}

/** Why the set-up is unknown, by the code of the error. */
const UNKNOWN_BECAUSE: { [code: string]: string } = {
  "aws.access_denied": "AWS denied access",
  "aws.credentials": "AWS refused the server's credentials",
  "aws.throttled": "AWS limits the rate",
  "aws.unreachable": "AWS couldn't be reached",
};

function UnknownState({ problem }: { problem: Overview["setup_problem"] }) {
  const because = problem && UNKNOWN_BECAUSE[problem.code];
  return (
    <div>
      <StatusIndicator type="error">{because ? `Unknown: ${because}` : "Unknown"}</StatusIndicator>
      {problem && (
        <Box color="text-body-secondary">
          {problem.detail} {problem.hint}
        </Box>
      )}
    </div>
  );
}

function SetUpParts({ setup }: { setup: SetupState }) {
  return (
    <KeyValuePairs
      columns={1}
      items={[
        { label: "Trusted access", value: <Switch isOn={setup.trusted_access} /> },
        ...FEATURES.map((feature) => ({
          label: feature.label,
          value: <Switch isOn={setup.features && setup.features.includes(feature.name)} />,
        })),
        { label: "Delegated administrators", value: <Delegates setup={setup} /> },
      ]}
    />
  );
}

function Switch({ isOn }: { isOn: boolean | null }) {
  if (isOn === null) return <StatusIndicator type="error">Unknown</StatusIndicator>;
  return isOn ? <StatusIndicator type="success">On</StatusIndicator> : <StatusIndicator type="warning">Off</StatusIndicator>;
}

function Delegates({ setup }: { setup: SetupState }) {
  const found = setup.delegated_administrators;
  if (!found) return <StatusIndicator type="error">Unknown</StatusIndicator>;
  if (found.length === 0) return <StatusIndicator type="warning">None</StatusIndicator>;
  return <>{found.map((one) => (one.name ? `${one.name} (${one.account_id})` : one.account_id)).join(", ")}</>;
}

function Failsafes({ overview }: { overview: Overview }) {
  return overview.failsafe.map((one) => (
    <div key={one.account_id}>
      <Box variant="awsui-key-label">Failsafe {one.name}</Box>
      <FailsafeVerdict isInOrder={one.is_in_order && one.detail === null} />
      {one.detail && <Box color="text-body-secondary">{one.detail}</Box>}
    </div>
  ));
}

function FailsafeVerdict({ isInOrder }: { isInOrder: boolean | null }) {
  if (isInOrder === null) return <StatusIndicator type="error">Unknown</StatusIndicator>;
  return isInOrder ? (
    <StatusIndicator type="success">Protected</StatusIndicator>
  ) : (
    <StatusIndicator type="warning">Not protected</StatusIndicator>
  );
}
