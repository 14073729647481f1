/**
 * The server's present. Windows end by its clock, and a browser's may be minutes off.
 *
 * Each answer tells within which bounds the difference lies: its `Date` was taken after the request was sent and before the
 * answer was here. The difference kept is moved as little as they allow, so that no slow answer spoils it.
 */

/** A `Date` is cut to the second, and the server takes a new one once a second. */
const DATE_LAGS_MILLISECONDS = 2_000;

/** Added to the browser's time it makes the server's. */
let difference = 0;

/** `sentAt` is when it was asked, by the browser's clock. */
export function noteServerDate(date: string | null, sentAt: number): void {
  const told = Date.parse(date ?? "");
  if (Number.isNaN(told)) return;
  const [least, most] = [told - Date.now(), told + DATE_LAGS_MILLISECONDS - sentAt];
  difference = Math.min(Math.max(difference, least), most);
}

export function serverNow(): number {
  return Date.now() + difference;
}
