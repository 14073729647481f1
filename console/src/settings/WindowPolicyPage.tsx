/** The window policy: what holds for recovery windows, where it comes from, and its change. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { FACT_PIXELS, PageFrame, QueryPlaceholder } from "../components/PageFrame";
import { SettingTable } from "./SettingTable";

export default function WindowPolicyPage() {
  return (
    <PageFrame
      title="Window policy"
      description="What holds for recovery windows from the next request on. A window that is open keeps its end."
    >
      <SpaceBetween size="l">
        <SettingTable
          section="windows"
          title="Limits"
          description="The console can make them stricter than the settings of the server, never looser."
        />
        <ServerRules />
      </SpaceBetween>
    </PageFrame>
  );
}

/** What only the settings of the server can change. */
function ServerRules() {
  const policy = useQuery({ queryKey: ["policy"], queryFn: () => unwrap(api.GET("/api/v1/policy")) });
  if (!policy.data) return <QueryPlaceholder query={policy} height="10rem" />;
  const { windows } = policy.data;
  const everyone = "Everyone with the permission";
  return (
    <Container
      header={
        <Header variant="h2" description="To change these, edit the settings file of the server, and restart it.">
          Set by the server alone
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        minColumnWidth={FACT_PIXELS}
        items={[
          { label: "Requesters", value: windows.requesters.join(", ") || everyone },
          { label: "Approvers", value: windows.approvers.join(", ") || everyone },
          { label: "Emergency without approval", value: windows.emergency ? "Allowed" : "Not allowed" },
          { label: "Read again after closing", value: windows.read_again_after.join(", ") || "Never" },
        ]}
      />
    </Container>
  );
}
