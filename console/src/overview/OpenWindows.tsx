/** Recovery windows that are open now: where root can sign in. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import type { Overview, RecoveryWindow } from "../api/records";
import { Moment } from "../times/Moment";
import { useNow } from "../times/now";
import { renderLength } from "../times/render";

export function OpenWindows({ windows }: { windows: Overview["windows"] }) {
  return (
    <Table
      variant="container"
      trackBy="window_id"
      items={windows.open}
      wrapLines
      header={
        <Header variant="h2" counter={`(${windows.open.length})`} description={describeOthers(windows.by_state)}>
          Open recovery windows
        </Header>
      }
      empty={
        <Box textAlign="center" color="text-body-secondary">
          None is open: no root user's password can be recovered.
        </Box>
      }
      columnDefinitions={[
        { id: "account", header: "Account", cell: (one) => one.account_id, isRowHeader: true },
        { id: "reason", header: "Reason", cell: (one) => one.reason },
        { id: "by", header: "Requested by", cell: (one) => one.requested_by },
        { id: "end", header: "Ends", cell: (one) => <Moment at={one.expires_at} /> },
        { id: "left", header: "Time left", cell: (one) => <TimeLeft window={one} /> },
      ]}
    />
  );
}

function describeOthers(byState: { [state: string]: number }): string | undefined {
  const waiting = (byState.REQUESTED ?? 0) + (byState.APPROVED ?? 0);
  return waiting ? `${waiting} more ${waiting === 1 ? "waits" : "wait"} for approval or activation.` : undefined;
}

function TimeLeft({ window }: { window: RecoveryWindow }) {
  const now = useNow(1_000);
  if (!window.expires_at) return <>–</>;
  const seconds = (new Date(window.expires_at).getTime() - now) / 1_000;
  return <>{seconds > 0 ? renderLength(seconds) : "over: it is being closed"}</>;
}
