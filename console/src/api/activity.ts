/**
 * Whether somebody is at this page. What a page asks by itself while nobody is there must not keep a sign-in from ending,
 * so that the server is told.
 */
const IDLE_AFTER_MILLISECONDS = 60_000;

let touchedAt = Date.now();

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"])
  window.addEventListener(kind, () => (touchedAt = Date.now()), { capture: true, passive: true });

export function isIdle(): boolean {
  return Date.now() - touchedAt > IDLE_AFTER_MILLISECONDS;
}
