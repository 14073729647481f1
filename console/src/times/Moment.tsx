/** A moment in the viewer's time zone; UTC shows on hover and is what a screen reader's user can ask for. */
import { renderLocal, renderRelative, renderUtc } from "./render";
import { useNow } from "./now";

interface MomentProps {
  /** RFC 3339. */
  at: string | null | undefined;
  /** What stands there without a moment. */
  none?: string;
}

export function Moment({ at, none = "–" }: MomentProps) {
  if (!at) return <>{none}</>;
  return (
    <time dateTime={at} title={renderUtc(at)}>
      {renderLocal(at)}
    </time>
  );
}

/** Such as "3 minutes ago"; kept current. */
export function Ago({ at, none = "never" }: MomentProps) {
  const now = useNow(30_000);
  if (!at) return <>{none}</>;
  return (
    <time dateTime={at} title={`${renderLocal(at)} (${renderUtc(at)})`}>
      {renderRelative(at, Math.max(now, Date.now()))}
    </time>
  );
}
