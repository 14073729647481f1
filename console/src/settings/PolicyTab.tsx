/** What this server permits and for how long it keeps things. The settings file says so; nobody changes it here. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import { ProblemAlert } from "../shell/ProblemAlert";
import { renderLength } from "../times/render";

type PolicyValue = string | number | boolean | string[];

export function PolicyTab() {
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => ask(api.GET("/api/v1/policy")) });
  if (!policy.data)
    return policy.error ? <ProblemAlert error={policy.error} onRetry={() => void policy.refetch()} /> : <Skeleton height="20rem" />;
  const { windows, deletion, retention, notification_targets: targets } = policy.data;
  return (
    <SpaceBetween size="l">
      <Box color="text-body-secondary">Changed in the server's settings file only, by whoever runs it.</Box>
      <Section title="Recovery windows" values={windows} />
      <Section title="Deletion" values={deletion} />
      <Section title="How long things are kept" values={retention} />
      <Container header={<Header variant="h2">Notifications go to</Header>}>
        {targets.length ? targets.join(", ") : "Nobody: name targets in the section notifications of the settings."}
      </Container>
    </SpaceBetween>
  );
}

function Section({ title, values }: { title: string; values: { [setting: string]: PolicyValue } }) {
  return (
    <Container header={<Header variant="h2">{title}</Header>}>
      <KeyValuePairs
        columns={3}
        items={Object.entries(values).map(([setting, value]) => ({ label: wordsOf(setting), value: renderValue(setting, value) }))}
      />
    </Container>
  );
}

function wordsOf(setting: string): string {
  const words = setting.replace(/_seconds$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function renderValue(setting: string, value: PolicyValue): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ") || "–";
  return setting.endsWith("_seconds") && typeof value === "number" ? renderLength(value) : String(value);
}
