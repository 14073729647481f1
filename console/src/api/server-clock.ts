/**
 * The time of the server. Windows close by its clock, and the clock of a browser can be wrong by minutes.
 *
 * Each answer limits the offset: the server set its `Date` after the request was sent and before the answer arrived.
 * The stored offset moves only as far as these limits require, so that a slow answer doesn't distort it.
 */

/** A `Date` has whole seconds, and the server updates it once a second. */
const DATE_RESOLUTION_MILLISECONDS = 2_000;

/** Server time minus browser time, in milliseconds. */
let offset = 0;

/** Update the offset. `sentAt` is when the request was sent, by the browser's clock. */
export function recordServerDate(date: string | null, sentAt: number): void {
  const serverTime = Date.parse(date ?? "");
  if (Number.isNaN(serverTime)) return;
  const [least, most] = [serverTime - Date.now(), serverTime + DATE_RESOLUTION_MILLISECONDS - sentAt];
  offset = Math.min(Math.max(offset, least), most);
}

export function serverNow(): number {
  return Date.now() + offset;
}
