/** A form's sending, by script and not by the browser. */
import type { FormEvent } from "react";

/** Enter sends a form too: nothing is sent while it isn't ready, or while it is on its way already. */
export function submitting(act: () => void, isReady: boolean): (event: FormEvent) => void {
  return (event) => {
    event.preventDefault();
    if (isReady) act();
  };
}
