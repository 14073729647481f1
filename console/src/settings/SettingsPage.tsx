/** The settings page: access, and a section for each subject that an administrator can set. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useSearchParams } from "react-router";
import { SecondFactors } from "../access/SecondFactors";
import { Sessions } from "../access/Sessions";
import { Tokens } from "../access/Tokens";
import { Users } from "../access/Users";
import { hasPermission, useMe, usePolicy } from "../api/queries";
import type { Permission } from "../api/records";
import { FACT_PIXELS, PageFrame, QueryPlaceholder } from "../components/PageFrame";
import { renderDuration } from "../times/format";
import { ScheduleRuns } from "./ScheduleRuns";
import { SettingTable } from "./SettingTable";
import { TargetTable } from "./TargetTable";

const LIMITS = "A limit can be made stricter here, never looser than the settings of the server. Lists that file or environment give can't be changed.";

const SUBJECTS: readonly { id: string; label: string; permission: Permission; content: React.ReactNode }[] = [
  { id: "schedules", label: "Schedules", permission: "schedules:read", content: <Schedules /> },
  { id: "notifications", label: "Notifications", permission: "notifications:read", content: <TargetTable /> },
  { id: "windows", label: "Recovery windows", permission: "settings:read", content: <Windows /> },
  { id: "emails", label: "E-mail domains", permission: "settings:read", content: <Domains /> },
  { id: "retention", label: "Retention", permission: "settings:read", content: <Retention /> },
];

export default function SettingsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const isManager = hasPermission(me, "identities:manage");
  const tabs = [
    ...(isManager
      ? [
          { id: "users", label: "Users", content: <Users /> },
          ...(me?.serves_organizations ? [] : [{ id: "tokens", label: "API tokens", content: <Tokens /> }]),
        ]
      : []),
    ...(me?.kind === "user" ? [{ id: "factors", label: "Second factors", content: <SecondFactors /> }] : []),
    ...(me?.kind === "user" || isManager ? [{ id: "sessions", label: "Sign-ins", content: <Sessions /> }] : []),
  ];
  const subjects = me?.serves_organizations ? [] : SUBJECTS.filter(({ permission }) => hasPermission(me, permission));
  const active = parameters.get("tab") ?? tabs[0]?.id;
  const isAccess = tabs.some(({ id }) => id === active);
  const subject = subjects.find(({ id }) => id === active) ?? subjects[0];
  const choose = (id: string) => setParameters({ tab: id }, { replace: true });
  if (subject)
    tabs.push({
      id: "server",
      label: "This server",
      content: (
        <Tabs ariaLabel="Settings of this server" tabs={subjects} activeTabId={subject.id} onChange={({ detail }) => choose(detail.activeTabId)} />
      ),
    });
  return (
    <PageFrame title="Settings">
      <Tabs
        ariaLabel="Settings"
        tabs={tabs}
        activeTabId={isAccess ? active : tabs.at(-1)?.id}
        onChange={({ detail }) => choose(detail.activeTabId)}
      />
    </PageFrame>
  );
}

function Schedules() {
  const { data: me } = useMe();
  return (
    <SpaceBetween size="l">
      <ScheduleRuns />
      {hasPermission(me, "settings:read") && (
        <SettingTable section="schedules" title="Times" description="Of several servers and workers, one begins each run. Times that file or environment give can't be changed here." />
      )}
    </SpaceBetween>
  );
}

function Windows() {
  return (
    <SpaceBetween size="l">
      <SettingTable section="windows" title="Limits and people" description={`They hold from the next request on; an open window keeps its end. ${LIMITS}`} />
      <ServerRules
        list={({ windows }) => [
          { label: "Emergency without approval", value: windows.emergency ? "Allowed" : "Not allowed" },
          { label: "Read again after closing", value: windows.read_again_after.join(", ") || "Never" },
        ]}
      />
    </SpaceBetween>
  );
}

function Domains() {
  return <SettingTable section="emails" title="E-mail domains" description={`Root e-mail addresses are checked against them. ${LIMITS}`} />;
}

function Retention() {
  return (
    <SpaceBetween size="l">
      <SettingTable section="history" title="Retention" description="Audits can be kept longer than the settings of the server say, never shorter: they are evidence." />
      <ServerRules
        list={({ deletion, retention }) => [
          { label: "A reading counts for", value: renderDuration(retention.stale_after_seconds) },
          { label: "A use is recent for", value: renderDuration(deletion.recently_used_days * 86_400) },
          { label: "Policies that are never changed", value: deletion.never_changed_policies.join(", ") || "None" },
        ]}
      />
    </SpaceBetween>
  );
}

type ServerPolicy = NonNullable<ReturnType<typeof usePolicy>["data"]>;

/** What only the settings of the server can change. */
function ServerRules({ list }: { list: (policy: ServerPolicy) => { label: string; value: string }[] }) {
  const policy = usePolicy();
  if (!policy.data) return <QueryPlaceholder query={policy} height="10rem" />;
  return (
    <Container
      header={
        <Header variant="h2" description="To change these, edit the settings file of the server, and restart it.">
          Set by the server alone
        </Header>
      }
    >
      <KeyValuePairs columns={3} minColumnWidth={FACT_PIXELS} items={list(policy.data)} />
    </Container>
  );
}
