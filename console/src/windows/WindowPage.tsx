/** One recovery window: how it stands, what can be done about it, what to do in it, and what is proven of it. */
import Skeleton from "@cloudscape-design/components/skeleton";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useRef } from "react";
import { useParams } from "react-router";
import type { Me, RecoveryWindow } from "../api/records";
import { useMe } from "../api/queries";
import { Headed } from "../shell/Headed";
import { tell } from "../shell/notices";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useAccount } from "./AccountName";
import { Approvals } from "./Approvals";
import { Evidence } from "./Evidence";
import { NextSteps } from "./NextSteps";
import { STATES } from "./states";
import { StateOf, WindowBadges } from "./WindowBadges";
import { Warnings } from "./Warnings";
import { WindowActions } from "./WindowActions";
import { WindowFacts } from "./WindowFacts";
import { useWindow, wasDecidedHere } from "./windows";

export default function WindowPage() {
  const { window_id = "" } = useParams();
  const { data: me } = useMe();
  const found = useWindow(window_id);
  if (found.data && me) return <Contents one={found.data} me={me} />;
  return (
    <Headed title="Recovery window">
      {found.error ? <ProblemAlert error={found.error} onRetry={() => void found.refetch()} /> : <Skeleton height="20rem" />}
    </Headed>
  );
}

function Contents({ one, me }: { one: RecoveryWindow; me: Me }) {
  const account = useAccount(one.account_id).data ?? null;
  useTellChange(one);
  return (
    <Headed
      title={`${one.is_drill ? "Drill" : "Recovery window"} for ${account?.name ?? one.account_id}`}
      description={
        <SpaceBetween size="s" direction="horizontal">
          <StateOf one={one} />
          <WindowBadges one={one} />
        </SpaceBetween>
      }
      actions={<WindowActions one={one} me={me} account={account} />}
    >
      <SpaceBetween size="l">
        <Warnings one={one} />
        <NextSteps one={one} me={me} account={account} />
        <WindowFacts one={one} account={account} />
        <Approvals one={one} />
        <Evidence one={one} />
      </SpaceBetween>
    </Headed>
  );
}

/** What changes while somebody looks at it, by another person or by the server, is said; one's own decision isn't. */
function useTellChange(one: RecoveryWindow): void {
  const known = useRef(one.state);
  useEffect(() => {
    if (known.current === one.state) return;
    known.current = one.state;
    if (!wasDecidedHere(one)) tell("info", `The window is now: ${STATES[one.state].words}.`, describeWho(one));
  }, [one]);
}

function describeWho(one: RecoveryWindow): string | undefined {
  if (one.state === "OPEN" && one.activated_by) return `Opened by ${one.activated_by}.`;
  if (one.state === "APPROVED") return `Approved by ${one.approved_by.join(", ")}.`;
  if (one.state === "DENIED" || one.state === "CANCELLED" || one.state === "CLOSE_FAILED") return one.failure ?? undefined;
  if (one.state === "CLOSED_VERIFIED") return one.closed_by ? `Closed by ${one.closed_by}.` : "Its end had come.";
  return undefined;
}
