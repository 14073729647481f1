/** The recovery windows that are open now: each is a way to a root user. A login that is being set up has a warning. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import { pageHref } from "../api/place";
import type { RecoveryWindow } from "../api/records";
import { useFollowLink } from "../components/links";
import { AccountName } from "../organization/AccountField";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { GROUPS, needsClosing, windowPath } from "../windows/states";
import { useBackground, useWindows } from "../windows/windows";
import { TimeLeft, WindowState } from "../windows/WindowState";

const OPEN_STATES = GROUPS.find((group) => group.id === "open")?.states ?? [];

/** The set-ups that are open: their logins are deleted unless a person keeps them. */
export function OpenSetUps() {
  const found = useWindows(OPEN_STATES, undefined);
  return found.data?.windows.filter((one) => one.state === "OPEN").map((one) => <OpenSetUp key={one.window_id} recoveryWindow={one} />);
}

function OpenSetUp({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const follow = useFollowLink();
  const background = useBackground(recoveryWindow.window_id).data;
  if (!background?.keeps_login) return null;
  return (
    <Alert
      type="warning"
      header="A root login is being set up. It is deleted unless someone keeps it."
      action={
        <Button href={pageHref(windowPath(recoveryWindow.window_id))} onFollow={follow}>
          Show the window
        </Button>
      }
    >
      <AccountName accountId={recoveryWindow.account_id} />, time left: <TimeLeft recoveryWindow={recoveryWindow} />. Sign in as its root user, register an MFA device,
      and choose Keep login on the window&apos;s page before <Timestamp at={recoveryWindow.expires_at} />.
    </Alert>
  );
}

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
            <Link href={pageHref(windowPath(one.window_id))} onFollow={follow}>
              {one.window_id}
            </Link>
          ),
          isRowHeader: true,
          minWidth: 130,
        },
        { id: "account", header: "Account", cell: (one) => <AccountName accountId={one.account_id} />, minWidth: 150 },
        { id: "state", header: "State", cell: (one) => <WindowState recoveryWindow={one} />, minWidth: 120 },
        { id: "end", header: "Closes", cell: (one) => <Timestamp at={one.expires_at} />, minWidth: 130 },
        { id: "by", header: "Requested by", cell: (one) => one.requested_by, minWidth: 110 },
      ]}
    />
  );
}
