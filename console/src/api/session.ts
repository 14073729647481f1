/**
 * Who is signed in here. The session itself is a cookie that scripts can't read; this holds what the server told about it.
 * A token that was pasted stays in this page's memory alone, and is gone with the page.
 */
import { observable } from "./observable";
import type { SessionRecord } from "./records";
import { declineFactor } from "./step-up";

type Session =
  | { state: "unknown" }
  | { state: "signed_out"; hasExpired: boolean }
  | { state: "factor_needed"; needs: "factor" | "enrolment"; told: SessionRecord }
  | { state: "signed_in"; token: string | null };

export const session = observable<Session>({ state: "unknown" });

let csrfToken: string | null = null;
let signedInAs: string | null = null;

export function csrfTokenOf(): string | null {
  return csrfToken;
}

export function tokenOf(): string | null {
  const current = session.get();
  return current.state === "signed_in" ? current.token : null;
}

/** What the server says of a session that it began or that it knows. */
export function takeSession(told: SessionRecord): void {
  csrfToken = told.csrf_token;
  signedInAs = told.name;
  session.set(
    told.needs
      ? { state: "factor_needed", needs: told.needs, told }
      : { state: "signed_in", token: null },
  );
}

/** A session's id and its token against forgery change when the second factor was given anew. */
export function renewCsrfToken(told: SessionRecord): void {
  csrfToken = told.csrf_token;
}

/** Whether a sign-in, which another tab may have changed, is still that of the person for whom this page is shown. */
export function isStillMine(told: SessionRecord): boolean {
  return told.needs === null && told.name === signedInAs;
}

export function takeToken(token: string): void {
  csrfToken = null;
  signedInAs = null;
  session.set({ state: "signed_in", token });
}

export function forgetSession(hasExpired: boolean): void {
  csrfToken = null;
  signedInAs = null;
  declineFactor();
  session.set({ state: "signed_out", hasExpired });
}
