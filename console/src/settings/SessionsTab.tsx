/** Who is signed in by a browser: one's own sign-ins and, for administrators, everybody's. */
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useMutation, useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import type { SignIn } from "../api/records";
import { queries } from "../api/queries";
import { ProblemAlert } from "../shell/ProblemAlert";
import { Empty } from "../tables/Empty";
import { Ago, Moment } from "../times/Moment";
import { renderLocal } from "../times/render";

export function SessionsTab() {
  const sessions = useQuery({
    queryKey: ["sessions"],
    queryFn: () => ask(api.GET("/api/v1/sessions")),
  });
  const ending = useMutation({
    mutationFn: (session_id: string) => ask(api.DELETE("/api/v1/sessions/{session_id}", { params: { path: { session_id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={sessions.error} onRetry={() => void sessions.refetch()} />
      <Table
        trackBy="session_id"
        items={sessions.data?.sessions ?? []}
        loading={sessions.isPending}
        loadingText="Loading sign-ins"
        ariaLabels={{ tableLabel: "Sign-ins" }}
        header={
          <Header variant="h2" description="A sign-in ends after 30 minutes without use, and after 12 hours at the latest.">
            Sign-ins
          </Header>
        }
        empty={<Empty error={sessions.error}>Nobody is signed in by a browser.</Empty>}
        columnDefinitions={[
          { id: "name", header: "User", cell: (one) => one.name, isRowHeader: true },
          { id: "address", header: "Address", cell: (one) => one.address ?? "–" },
          { id: "agent", header: "Browser", cell: (one) => one.user_agent ?? "–", maxWidth: 320 },
          { id: "since", header: "Signed in", cell: (one) => <Moment at={one.signed_in_at} /> },
          { id: "used", header: "Last used", cell: (one) => <Ago at={one.last_used_at} /> },
          {
            id: "end",
            header: "End",
            cell: (one) => (
              <EndSignIn
                signIn={one}
                isEnding={ending.isPending && ending.variables === one.session_id}
                onEnd={() => ending.mutate(one.session_id)}
              />
            ),
          },
        ]}
      />
    </SpaceBetween>
  );
}

function EndSignIn({ signIn, isEnding, onEnd }: { signIn: SignIn; isEnding: boolean; onEnd: () => void }) {
  if (signIn.is_current) return <>This one</>;
  const label = `End the sign-in of ${signIn.name} from ${renderLocal(signIn.signed_in_at)}`;
  return (
    <Button variant="inline-link" ariaLabel={label} loading={isEnding} onClick={onEnd}>
      End
    </Button>
  );
}
