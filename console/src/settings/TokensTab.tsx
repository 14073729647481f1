/** API tokens: made, shown once, disabled. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { Identity } from "../api/records";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Moment } from "../times/Moment";
import { CreateToken } from "./CreateToken";
import { DisableIdentity } from "./DisableIdentity";
import { useIdentities } from "./identities";
import { IdentityTable } from "./IdentityTable";

export function TokensTab() {
  const tokens = useIdentities("token");
  const [selected, setSelected] = useState<Identity | null>(null);
  const [asked, setAsked] = useState<"create" | "disable" | null>(null);
  const token = tokens.data?.find((one) => one.identity_id === selected?.identity_id) ?? null;
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={tokens.error} onRetry={() => void tokens.refetch()} />
      <IdentityTable
        title="API tokens"
        description="For programs and the command line. Each is an identity of its own."
        items={tokens.data}
        isLoading={tokens.isPending}
        error={tokens.error}
        empty="No tokens. Make one to let a program or the command line use this server."
        selected={token}
        onSelect={setSelected}
        more={[
          { id: "limits", header: "Limited to", cell: describeLimits },
          { id: "end", header: "Ends", cell: (one) => <Moment at={one.expires_at} none="never" /> },
        ]}
        actions={
          <SpaceBetween size="xs" direction="horizontal">
            <Button
              disabled={!token?.is_usable}
              disabledReason={token ? "It has ended already." : "Choose a token first."}
              onClick={() => setAsked("disable")}
            >
              Disable
            </Button>
            <Button variant="primary" onClick={() => setAsked("create")}>
              Make token
            </Button>
          </SpaceBetween>
        }
      />
      {asked === "create" && <CreateToken onClose={() => setAsked(null)} />}
      {token && asked === "disable" && <DisableIdentity identity={token} onClose={() => setAsked(null)} />}
    </SpaceBetween>
  );
}

function describeLimits({ limited_to: limits }: Identity): string {
  return [...(limits?.organizational_units ?? []), ...(limits?.permissions ?? [])].join(", ") || "–";
}
