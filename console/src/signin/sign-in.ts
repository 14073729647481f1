/** The steps of a sign-in. */
import { ask, api } from "../api/client";
import type { FactorBody, SessionRecord } from "../api/records";
import { noteSilence } from "../api/connection";
import { ConnectionLostError, problemOf } from "../api/problems";
import { queries } from "../api/queries";
import { forgetSession, session, takeSession, takeToken } from "../api/session";
import { dismissAll } from "../shell/notices";
import { readSignInMethods } from "./methods";

export async function signIn(name: string, password: string): Promise<void> {
  const told = await ask(api.POST("/api/v1/auth/sign-in", { body: { name, password } }));
  // Without the console's header it would be a bearer token.
  if ("csrf_token" in told) begin(told);
}

export async function signInByFactor(body: FactorBody): Promise<void> {
  begin(await ask(api.POST("/api/v1/auth/factor", { body })));
}

/** Somebody else may have been signed in before: nothing that they read is shown on. */
export function begin(told: SessionRecord): void {
  queries.clear();
  dismissAll();
  takeSession(told);
}

/** A token is tried before it is taken; it stays in memory alone. */
export async function signInByToken(token: string): Promise<void> {
  const answer = await fetch("/api/v1/me", { headers: { Authorization: `Bearer ${token}` } }).catch(() => {
    noteSilence();
    throw new ConnectionLostError(false);
  });
  const told: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw problemOf(answer.status, told);
  queries.clear();
  dismissAll();
  takeToken(token);
}

/** Leave a sign-in that is half done. If the server doesn't hear of it, the half is of no use to anybody, and ends by itself. */
export async function startAgain(): Promise<void> {
  await ask(api.POST("/api/v1/auth/sign-out")).catch(() => undefined);
  forgetSession(false);
}

/**
 * Ask the server who is signed in, and what the sign-in still needs. While it doesn't answer that isn't known. Whoever has
 * no cookie isn't: then nothing is asked that would be refused, since browsers log a refusal as an error.
 */
export async function findSession(): Promise<void> {
  try {
    const { has_cookie } = await readSignInMethods();
    if (!has_cookie) return forgetSession(false);
    takeSession(await ask(api.GET("/api/v1/auth/session")));
  } catch (error) {
    if (error instanceof ConnectionLostError) session.set({ state: "unknown" });
    else forgetSession(false);
  }
}
