/** The recovery windows that are open now: each is a way to a root user. */
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import { useFollowLink } from "../components/links";
import { AccountName } from "../organization/AccountField";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { GROUPS, needsClosing, windowPath } from "../windows/states";
import { useWindows } from "../windows/windows";
import { WindowState } from "../windows/WindowState";

const OPEN_STATES = GROUPS.find((group) => group.id === "open")?.states ?? [];

export function OpenWindows() {
  const follow = useFollowLink();
  const found = useWindows(OPEN_STATES, undefined);
  const windows = found.data?.windows.filter(needsClosing);
  const total = found.data?.total;
  return (
    <QueryTable
      query={found}
      items={windows}
      trackBy="window_id"
      loadingText="Loading windows"
      wrapLines
      ariaLabels={{ tableLabel: "Open windows" }}
      header={
        <Header
          variant="h2"
          counter={total === undefined ? undefined : `(${total})`}
          description={windows && total !== undefined && total > windows.length ? "The newest are shown. See Recovery windows for all." : undefined}
        >
          Open windows
        </Header>
      }
      empty="No window is open."
      columnDefinitions={[
        {
          id: "window",
          header: "Window",
          cell: (one) => (
            <Link href={windowPath(one.window_id)} onFollow={follow}>
              {one.window_id}
            </Link>
          ),
          isRowHeader: true,
          minWidth: 130,
        },
        { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, minWidth: 150 },
        { id: "state", header: "State", cell: (one) => <WindowState recoveryWindow={one} />, minWidth: 120 },
        { id: "by", header: "Requested by", cell: (one) => one.requested_by, minWidth: 110 },
        { id: "end", header: "Closes", cell: (one) => <Timestamp at={one.expires_at} />, minWidth: 130 },
      ]}
    />
  );
}
