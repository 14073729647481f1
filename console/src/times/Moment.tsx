/**
 * A moment in the viewer's time zone, or in UTC. The other one shows on hover; for keyboards and screen readers the bar at
 * the top turns all of them over, so that no moment of a long table is a stop for the Tab key.
 */
import { useObservable } from "../api/observable";
import { serverNow } from "../api/server-clock";
import { useNow } from "./now";
import { renderLocal, renderRelative, renderUtc } from "./render";
import { isUtc } from "./zone";

interface MomentProps {
  /** RFC 3339. */
  at: string | null | undefined;
  /** What stands there without a moment. */
  none?: string;
}

export function Moment({ at, none = "–" }: MomentProps) {
  const inUtc = useObservable(isUtc);
  if (!at) return <>{none}</>;
  const [shown, other] = inUtc ? [renderUtc(at), renderLocal(at)] : [renderLocal(at), renderUtc(at)];
  return (
    <time dateTime={at} title={other}>
      {shown}
    </time>
  );
}

/** Such as "3 minutes ago", kept current; in UTC the moment itself. */
export function Ago({ at, none = "never" }: MomentProps) {
  const now = useNow(30_000);
  const inUtc = useObservable(isUtc);
  if (!at || inUtc) return <Moment at={at} none={none} />;
  return (
    <time dateTime={at} title={`${renderLocal(at)} (${renderUtc(at)})`}>
      {renderRelative(at, Math.max(now, serverNow()))}
    </time>
  );
}
