/** A form's sending, by script and not by the browser. */
import type { FormEvent } from "react";

export function submitting(act: () => void): (event: FormEvent) => void {
  return (event) => {
    event.preventDefault();
    act();
  };
}
