/**
 * Times in the time zone of the browser, or in UTC. The other one shows on hover. For keyboards and screen readers a button in
 * the top bar switches all times, so that the times of a long table aren't stops of the Tab key.
 */
import { createContext, useContext, useEffect, useState } from "react";
import { observable, useObservable } from "../api/observable";
import { serverNow } from "../api/server-clock";
import { renderLocal, renderRelative, renderShort, renderUtc } from "./format";

interface TimestampProps {
  /** RFC 3339. */
  at: string | null | undefined;
  /** The text without a time. */
  none?: string;
}

/** Whether times have one short line, such as `1 Dec 07:56`, as in the cells of a table. The exact times show on hover. */
export const ShortTimes = createContext(false);

export function Timestamp({ at, none = "–" }: TimestampProps) {
  const inUtc = useObservable(isUtc);
  const isShort = useContext(ShortTimes);
  if (!at) return <>{none}</>;
  if (isShort && !inUtc)
    return (
      <time dateTime={at} title={`${renderLocal(at)} (${renderUtc(at)})`}>
        {renderShort(at, serverNow())}
      </time>
    );
  const [shown, other] = inUtc ? [renderUtc(at), renderLocal(at)] : [renderLocal(at), renderUtc(at)];
  return (
    <time dateTime={at} title={other}>
      {shown}
    </time>
  );
}

/** A time in one short line, also outside of a table. */
export function ShortTime(props: TimestampProps) {
  return (
    <ShortTimes.Provider value={true}>
      <Timestamp {...props} />
    </ShortTimes.Provider>
  );
}

/** An age such as "3 minutes ago", updated live; in UTC the time itself. */
export function RelativeTime({ at, none = "never" }: TimestampProps) {
  const now = useNow(30_000);
  const inUtc = useObservable(isUtc);
  if (!at || inUtc) return <Timestamp at={at} none={none} />;
  return (
    <time dateTime={at} title={`${renderLocal(at)} (${renderUtc(at)})`}>
      {renderRelative(at, Math.max(now, serverNow()))}
    </time>
  );
}

export function useNow(everyMilliseconds: number): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMilliseconds);
    return () => clearInterval(timer);
  }, [everyMilliseconds]);
  return now;
}

const STORAGE_KEY = "rootkeeper.times";

export const isUtc = observable(localStorage.getItem(STORAGE_KEY) === "utc");

export function toggleUtc(): void {
  isUtc.set(!isUtc.get());
  localStorage.setItem(STORAGE_KEY, isUtc.get() ? "utc" : "local");
}
