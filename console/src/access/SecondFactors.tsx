/** The second factors of the signed-in user. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Factor } from "../api/records";
import { Dialog, isDeliberate } from "../components/Dialog";
import { QueryTable } from "../tables/QueryTable";
import { renderLocal } from "../times/format";
import { RelativeTime, Timestamp } from "../times/Timestamp";
import { SecondFactorSetup } from "./SecondFactor";

const FACTOR_KINDS = { totp: "Authenticator app", passkey: "Passkey" };

export function SecondFactors() {
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<Factor | null>(null);
  const factors = useQuery({
    queryKey: ["factors"],
    queryFn: () => unwrap(api.GET("/api/v1/me/factors")),
  });
  const finish = () => {
    setAdding(false);
    refreshFactors();
  };
  return (
    <SpaceBetween size="m">
      <QueryTable
        query={factors}
        trackBy="factor_id"
        items={factors.data?.factors}
        loadingText="Loading your second factors"
        ariaLabels={{ tableLabel: "Your second factors" }}
        header={
          <Header
            variant="h2"
            description="Add two, so that you can still sign in if you lose one."
            actions={<Button onClick={() => setAdding(true)}>Add second factor</Button>}
          >
            Your second factors
          </Header>
        }
        empty="No second factors. Roles above auditor require one."
        columnDefinitions={[
          { id: "kind", header: "Kind", cell: (one) => FACTOR_KINDS[one.kind], isRowHeader: true },
          { id: "name", header: "Name", cell: (one) => one.name ?? "–" },
          { id: "made", header: "Added", cell: (one) => <Timestamp at={one.created_at} /> },
          { id: "used", header: "Last used", cell: (one) => <RelativeTime at={one.last_used_at} /> },
          {
            id: "actions",
            header: "Action",
            cell: (one) => (
              <Button
                variant="inline-link"
                ariaLabel={`Remove the ${FACTOR_KINDS[one.kind].toLowerCase()} of ${renderLocal(one.created_at)}`}
                onClick={() => setRemoved(one)}
              >
                Remove
              </Button>
            ),
          },
        ]}
      />
      {removed && <RemoveFactor factor={removed} onClose={() => setRemoved(null)} />}
      {isAdding && (
        <Modal visible header="Add second factor" onDismiss={({ detail }) => isDeliberate(detail.reason) && setAdding(false)}>
          <SecondFactorSetup onEnrolled={finish} />
        </Modal>
      )}
    </SpaceBetween>
  );
}

function RemoveFactor({ factor, onClose }: { factor: Factor; onClose: () => void }) {
  const params = { path: { factor_id: factor.factor_id } };
  return (
    <Dialog
      title={`Remove this ${FACTOR_KINDS[factor.kind].toLowerCase()}?`}
      submitText="Remove second factor"
      act={() => unwrap(api.DELETE("/api/v1/me/factors/{factor_id}", { params }))}
      onDone={refreshFactors}
      onClose={onClose}
    >
      <Box variant="p">
        Added <Timestamp at={factor.created_at} />. You can't sign in with it after this.
      </Box>
    </Dialog>
  );
}

function refreshFactors(): void {
  void queries.invalidateQueries({ queryKey: ["factors"] });
  void queries.invalidateQueries({ queryKey: ["me"] });
}
