/** Whether the server can be reached. While it can't, it is checked every few seconds; then all data is read again. */
import { observable } from "./observable";

const RETRY_MILLISECONDS = 3_000;

export const isConnected = observable(true);

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | null = null;

/** Register a callback for each time that the server can be reached again. */
export function onReconnected(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function markConnected(): void {
  if (isConnected.get()) return;
  isConnected.set(true);
  if (timer !== null) clearTimeout(timer);
  timer = null;
  listeners.forEach((listener) => listener());
}

export function markDisconnected(): void {
  isConnected.set(false);
  timer ??= setTimeout(checkServer, RETRY_MILLISECONDS);
}

async function checkServer(): Promise<void> {
  timer = null;
  try {
    await fetch("/healthz", { cache: "no-store" });
    markConnected();
  } catch {
    markDisconnected();
  }
}
