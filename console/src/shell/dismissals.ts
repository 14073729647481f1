/** Which way of leaving a dialog is meant. */

/** A click beside a dialog is a slip, and would lose what stands in it. */
export function isMeant(reason: string): boolean {
  return reason !== "overlay";
}
