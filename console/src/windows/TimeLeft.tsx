/** What is left of an open window, counted down each second. */
import type { RecoveryWindow } from "../api/records";
import { useNow } from "../times/now";
import { renderLength } from "../times/render";
import { owesClosing } from "./states";

export function TimeLeft({ one }: { one: RecoveryWindow }) {
  const now = useNow(1_000);
  if (!one.expires_at || !owesClosing(one)) return <>–</>;
  const seconds = (new Date(one.expires_at).getTime() - now) / 1_000;
  return <>{seconds > 0 ? renderLength(seconds) : "none"}</>;
}
