/** One's own sign-in and, for administrators, everybody's; what this server permits. */
import Tabs from "@cloudscape-design/components/tabs";
import { useSearchParams } from "react-router";
import { may, useMe } from "../api/queries";
import { Headed } from "../shell/Headed";
import { FactorsTab } from "./FactorsTab";
import { PolicyTab } from "./PolicyTab";
import { SessionsTab } from "./SessionsTab";
import { TokensTab } from "./TokensTab";
import { UsersTab } from "./UsersTab";

export default function SettingsPage() {
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const isManager = may(me, "identities:manage");
  const tabs = [
    ...(isManager
      ? [
          { id: "users", label: "Users", content: <UsersTab /> },
          { id: "tokens", label: "API tokens", content: <TokensTab /> },
        ]
      : []),
    ...(me?.kind === "user" ? [{ id: "factors", label: "Second factors", content: <FactorsTab /> }] : []),
    ...(me?.kind === "user" || isManager ? [{ id: "sessions", label: "Sign-ins", content: <SessionsTab /> }] : []),
    { id: "policy", label: "Policy", content: <PolicyTab /> },
  ];
  return (
    <Headed title="Settings">
      <Tabs
        ariaLabel="Settings"
        tabs={tabs}
        activeTabId={parameters.get("tab") ?? tabs[0]?.id}
        onChange={({ detail }) => setParameters({ tab: detail.activeTabId }, { replace: true })}
      />
    </Headed>
  );
}
