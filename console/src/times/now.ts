/** The present by the server's clock, for what counts down or up. */
import { useEffect, useState } from "react";
import { serverNow } from "../api/server-clock";

export function useNow(everyMilliseconds: number): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMilliseconds);
    return () => clearInterval(timer);
  }, [everyMilliseconds]);
  return now;
}
