/** Browser sign-ins: the user's own and, for administrators, all of them. */
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import { useMutation, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { SignIn } from "../api/records";
import { BreakableText } from "../components/BreakableText";
import { QueryTable } from "../tables/QueryTable";
import { renderLocal } from "../times/format";
import { RelativeTime, Timestamp } from "../times/Timestamp";

export function Sessions() {
  const sessions = useQuery({
    queryKey: ["sessions"],
    queryFn: () => unwrap(api.GET("/api/v1/sessions")),
  });
  const ending = useMutation({
    mutationFn: (session_id: string) => unwrap(api.DELETE("/api/v1/sessions/{session_id}", { params: { path: { session_id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <QueryTable
      query={sessions}
      trackBy="session_id"
      items={sessions.data?.sessions}
      loadingText="Loading sign-ins"
      ariaLabels={{ tableLabel: "Sign-ins" }}
      header={
        <Header variant="h2" description="A sign-in ends after 30 minutes without use, and after 12 hours at the latest.">
          Sign-ins
        </Header>
      }
      empty="No one is signed in with a browser."
      columnDefinitions={[
        { id: "name", header: "User", cell: (one) => one.name, isRowHeader: true },
        { id: "address", header: "IP address", cell: (one) => one.address ?? "–" },
        { id: "agent", header: "Browser", cell: (one) => <span title={one.user_agent ?? undefined}><BreakableText>{one.user_agent ?? "–"}</BreakableText></span>, maxWidth: 320 },
        { id: "since", header: "Signed in", cell: (one) => <Timestamp at={one.signed_in_at} /> },
        { id: "used", header: "Last used", cell: (one) => <RelativeTime at={one.last_used_at} /> },
        {
          id: "actions",
          header: "Action",
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
  );
}

function EndSignIn({ signIn, isEnding, onEnd }: { signIn: SignIn; isEnding: boolean; onEnd: () => void }) {
  if (signIn.is_current) return <>Current sign-in</>;
  const label = `End the sign-in of ${signIn.name} from ${renderLocal(signIn.signed_in_at)}`;
  return (
    <Button variant="inline-link" ariaLabel={label} loading={isEnding} onClick={onEnd}>
      End sign-in
    </Button>
  );
}
