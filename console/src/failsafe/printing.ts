/** Whether the browser prints the page: a table then shows all rows, because paper has no pages of a table. */
import { useSyncExternalStore } from "react";

const printing = window.matchMedia("print");

function subscribe(onChange: () => void): () => void {
  printing.addEventListener("change", onChange);
  return () => printing.removeEventListener("change", onChange);
}

export function usePrinting(): boolean {
  return useSyncExternalStore(subscribe, () => printing.matches);
}
