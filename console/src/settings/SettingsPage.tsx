/** The settings page: access, and the policy of this server. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { SecondFactors } from "../access/SecondFactors";
import { Sessions } from "../access/Sessions";
import { Tokens } from "../access/Tokens";
import { Users } from "../access/Users";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import { FACT_PIXELS, PageFrame, QueryPlaceholder } from "../components/PageFrame";
import { renderDuration } from "../times/format";

export default function SettingsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const isManager = hasPermission(me, "identities:manage");
  const tabs = [
    ...(isManager
      ? [
          { id: "users", label: "Users", content: <Users /> },
          { id: "tokens", label: "API tokens", content: <Tokens /> },
        ]
      : []),
    ...(me?.kind === "user" ? [{ id: "factors", label: "Second factors", content: <SecondFactors /> }] : []),
    ...(me?.kind === "user" || isManager ? [{ id: "sessions", label: "Sign-ins", content: <Sessions /> }] : []),
    { id: "policy", label: "Policy", content: <ServerPolicy /> },
  ];
  return (
    <PageFrame title="Settings">
      <Tabs
        ariaLabel="Settings"
        tabs={tabs}
        activeTabId={parameters.get("tab") ?? tabs[0]?.id}
        onChange={({ detail }) => setParameters({ tab: detail.activeTabId }, { replace: true })}
      />
    </PageFrame>
  );
}

type PolicyValue = string | number | boolean | string[];

function ServerPolicy() {
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => unwrap(api.GET("/api/v1/policy")) });
  if (!policy.data)
    return <QueryPlaceholder query={policy} height="20rem" />;
  const { windows, deletion, retention, notification_targets: targets } = policy.data;
  return (
    <SpaceBetween size="l">
      <Box color="text-body-secondary">To change these settings, edit the settings file of the server. An administrator can also make the window policy stricter, on its own page.</Box>
      <Section title="Recovery windows" values={windows} />
      <Section title="Deletion" values={deletion} />
      <Section title="Retention" values={retention} />
      <Container header={<Header variant="h2">Notification targets</Header>}>
        {targets.length ? targets.join(", ") : "None. Add targets to the section notifications of the settings file."}
      </Container>
    </SpaceBetween>
  );
}

function Section({ title, values }: { title: string; values: { [setting: string]: PolicyValue } }) {
  return (
    <Container header={<Header variant="h2">{title}</Header>}>
      <KeyValuePairs
        columns={3} minColumnWidth={FACT_PIXELS}
        items={Object.entries(values).map(([setting, value]) => ({ label: describeSetting(setting), value: renderValue(setting, value) }))}
      />
    </Container>
  );
}

function describeSetting(setting: string): string {
  const words = setting.replace(/_seconds$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function renderValue(setting: string, value: PolicyValue): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ") || "–";
  return setting.endsWith("_seconds") && typeof value === "number" ? renderDuration(value) : String(value);
}
