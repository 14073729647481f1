/** Recovery windows that are open, or whose closing is owed: where root can sign in. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Table from "@cloudscape-design/components/table";
import type { Overview } from "../api/records";
import { useFollow } from "../shell/links";
import { Moment } from "../times/Moment";
import { AccountName } from "../windows/AccountName";
import { windowAddress } from "../windows/addresses";
import { TimeLeft } from "../windows/TimeLeft";
import { StateOf } from "../windows/WindowBadges";

export function OpenWindows({ windows }: { windows: Overview["windows"] }) {
  const follow = useFollow();
  return (
    <Table
      variant="container"
      trackBy="window_id"
      items={windows.open}
      wrapLines
      ariaLabels={{ tableLabel: "Open recovery windows" }}
      header={
        <Header variant="h2" counter={`(${windows.open.length})`} description={describeOthers(windows.by_state)}>
          Open recovery windows
        </Header>
      }
      empty={
        <Box textAlign="center" color="text-body-secondary">
          None is open.
        </Box>
      }
      columnDefinitions={[
        {
          id: "account",
          header: "Account",
          cell: (one) => (
            <Link href={windowAddress(one.window_id)} onFollow={follow}>
              <AccountName accountId={one.account_id} />
            </Link>
          ),
          isRowHeader: true,
        },
        { id: "state", header: "State", cell: (one) => <StateOf one={one} /> },
        { id: "reason", header: "Reason", cell: (one) => one.reason },
        { id: "by", header: "Requested by", cell: (one) => one.requested_by },
        { id: "end", header: "Ends", cell: (one) => <Moment at={one.expires_at} /> },
        { id: "left", header: "Time left", cell: (one) => <TimeLeft one={one} /> },
      ]}
    />
  );
}

function describeOthers(byState: { [state: string]: number }): string | undefined {
  const waiting = (byState.REQUESTED ?? 0) + (byState.APPROVED ?? 0);
  return waiting ? `${waiting} more ${waiting === 1 ? "waits" : "wait"} for approval or activation.` : undefined;
}
