/** In which zone moments are shown: the viewer's, or UTC once it was asked for in this browser. */
import { observable } from "../api/observable";

const KEY = "rootkeeper.times";

export const isUtc = observable(localStorage.getItem(KEY) === "utc");

export function toggleUtc(): void {
  isUtc.set(!isUtc.get());
  localStorage.setItem(KEY, isUtc.get() ? "utc" : "local");
}
