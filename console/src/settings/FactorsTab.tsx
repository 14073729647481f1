/** One's own second factors. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, api } from "../api/client";
import type { Factor } from "../api/records";
import { queries } from "../api/queries";
import { isMeant } from "../shell/dismissals";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Enrolment } from "../signin/Enrolment";
import { Empty } from "../tables/Empty";
import { Ago, Moment } from "../times/Moment";
import { renderLocal } from "../times/render";
import { Dialog } from "./Dialog";

const KINDS = { totp: "Authenticator app", passkey: "Passkey" };

export function FactorsTab() {
  const [isAdding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Factor | null>(null);
  const factors = useQuery({
    queryKey: ["factors"],
    queryFn: () => ask(api.GET("/api/v1/me/factors")),
  });
  const finish = () => {
    setAdding(false);
    readAgain();
  };
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={factors.error} onRetry={() => void factors.refetch()} />
      <Table
        trackBy="factor_id"
        items={factors.data?.factors ?? []}
        loading={factors.isPending}
        loadingText="Loading your second factors"
        ariaLabels={{ tableLabel: "Your second factors" }}
        header={
          <Header
            variant="h2"
            description="Have two, so that a lost phone doesn't lock you out."
            actions={<Button onClick={() => setAdding(true)}>Add a second factor</Button>}
          >
            Your second factors
          </Header>
        }
        empty={<Empty error={factors.error}>None yet. Roles above auditor need one.</Empty>}
        columnDefinitions={[
          { id: "kind", header: "Kind", cell: (one) => KINDS[one.kind], isRowHeader: true },
          { id: "name", header: "Name", cell: (one) => one.name ?? "–" },
          { id: "made", header: "Set up", cell: (one) => <Moment at={one.created_at} /> },
          { id: "used", header: "Last used", cell: (one) => <Ago at={one.last_used_at} /> },
          {
            id: "remove",
            header: "Remove",
            cell: (one) => (
              <Button
                variant="inline-link"
                ariaLabel={`Remove the ${KINDS[one.kind].toLowerCase()} of ${renderLocal(one.created_at)}`}
                onClick={() => setAsked(one)}
              >
                Remove
              </Button>
            ),
          },
        ]}
      />
      {asked && <RemoveFactor factor={asked} onClose={() => setAsked(null)} />}
      {isAdding && (
        <Modal visible header="Add a second factor" onDismiss={({ detail }) => isMeant(detail.reason) && setAdding(false)}>
          <Enrolment onEnrolled={finish} />
        </Modal>
      )}
    </SpaceBetween>
  );
}

function RemoveFactor({ factor, onClose }: { factor: Factor; onClose: () => void }) {
  const params = { path: { factor_id: factor.factor_id } };
  return (
    <Dialog
      title={`Remove this ${KINDS[factor.kind].toLowerCase()}?`}
      submitText="Remove"
      act={() => ask(api.DELETE("/api/v1/me/factors/{factor_id}", { params }))}
      onDone={readAgain}
      onClose={onClose}
    >
      <Box variant="p">
        The one that was set up <Moment at={factor.created_at} /> is of no use from then on.
      </Box>
    </Dialog>
  );
}

function readAgain(): void {
  void queries.invalidateQueries({ queryKey: ["factors"] });
  void queries.invalidateQueries({ queryKey: ["me"] });
}
