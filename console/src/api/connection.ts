/** Whether the server answers. While it doesn't, it is asked every few seconds, and everything shown is read anew after. */
import { observable } from "./observable";

const ASK_AGAIN_MILLISECONDS = 3_000;

export const isConnected = observable(true);

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | null = null;

/** Call back each time that the server answers again. */
export function onReconnected(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function noteAnswer(): void {
  if (isConnected.get()) return;
  isConnected.set(true);
  if (timer !== null) clearTimeout(timer);
  timer = null;
  listeners.forEach((listener) => listener());
}

export function noteSilence(): void {
  isConnected.set(false);
  timer ??= setTimeout(askForLife, ASK_AGAIN_MILLISECONDS);
}

async function askForLife(): Promise<void> {
  timer = null;
  try {
    await fetch("/healthz", { cache: "no-store" });
    noteAnswer();
  } catch {
    noteSilence();
  }
}
