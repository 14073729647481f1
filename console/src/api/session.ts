/**
 * The sign-in of this page, and requests for the second factor.
 *
 * The session itself is a cookie that scripts can't read; this module holds what the server reported about it. A pasted token
 * stays in the memory of this page and is gone when the page closes.
 */
import { observable } from "./observable";
import { StepUpDeclinedError } from "./problems";
import type { SessionRecord } from "./records";

type Session =
  | { state: "unknown" }
  | { state: "signed_out"; hasExpired: boolean }
  | { state: "factor_needed"; needs: "factor" | "enrolment"; record: SessionRecord }
  | { state: "signed_in"; token: string | null };

export const session = observable<Session>({ state: "unknown" });

let csrfToken: string | null = null;
let signedInAs: string | null = null;

export function getCsrfToken(): string | null {
  return csrfToken;
}

export function getToken(): string | null {
  const current = session.get();
  return current.state === "signed_in" ? current.token : null;
}

/** Store a session that the server started or confirmed. */
export function startSession(record: SessionRecord): void {
  csrfToken = record.csrf_token;
  signedInAs = record.name;
  session.set(
    record.needs
      ? { state: "factor_needed", needs: record.needs, record }
      : { state: "signed_in", token: null },
  );
}

/** Store a new CSRF token. The server changes it, and the session id, when the second factor was confirmed. */
export function renewCsrfToken(record: SessionRecord): void {
  csrfToken = record.csrf_token;
}

/** Whether the session, which another tab may have changed, still belongs to the user of this page. */
export function isSameUser(record: SessionRecord): boolean {
  return record.needs === null && record.name === signedInAs;
}

export function startTokenSession(token: string): void {
  csrfToken = null;
  signedInAs = null;
  session.set({ state: "signed_in", token });
}

export function endSession(hasExpired: boolean): void {
  csrfToken = null;
  signedInAs = null;
  declineStepUp();
  session.set({ state: "signed_out", hasExpired });
}

interface StepUpRequest {
  confirm(): void;
  decline(): void;
}

/** The open request for the second factor; the layout shows it. */
export const stepUpRequest = observable<StepUpRequest | null>(null);

let pending: Promise<void> | null = null;

/** Cancel the open request, so that the next user isn't asked to confirm it. */
function declineStepUp(): void {
  stepUpRequest.get()?.decline();
}

/** Ask for the second factor. Concurrent requests share one dialog. Resolves when the factor was confirmed. */
export function requireStepUp(): Promise<void> {
  pending ??= new Promise<void>((resolve, reject) => {
    stepUpRequest.set({ confirm: resolve, decline: () => reject(new StepUpDeclinedError()) });
  }).finally(() => {
    pending = null;
    stepUpRequest.set(null);
  });
  return pending;
}
