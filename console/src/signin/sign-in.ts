/** The steps of a sign-in. */
import { ask, api } from "../api/client";
import type { FactorBody, SessionRecord } from "../api/records";
import { queries } from "../api/queries";
import { forgetSession, takeSession, takeToken } from "../api/session";

export async function signIn(name: string, password: string): Promise<void> {
  const told = await ask<SessionRecord>(api.POST("/api/v1/auth/sign-in", { body: { name, password } }));
  begin(told);
}

export async function signInByFactor(body: FactorBody): Promise<void> {
  begin(await ask<SessionRecord>(api.POST("/api/v1/auth/factor", { body })));
}

/** Somebody else may have been signed in before: nothing that they read is shown on. */
export function begin(told: SessionRecord): void {
  queries.clear();
  takeSession(told);
}

/** A token is tried before it is taken; it stays in memory alone. */
export async function signInByToken(token: string): Promise<void> {
  const answer = await fetch("/api/v1/me", { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error("The server doesn't know this token.");
  queries.clear();
  takeToken(token);
}

/** Leave a sign-in that is half done. */
export async function startAgain(): Promise<void> {
  try {
    await ask(api.POST("/api/v1/auth/sign-out"));
  } finally {
    forgetSession(false);
  }
}

/** Ask the server anew what the sign-in still needs. */
export async function goOn(): Promise<void> {
  begin(await ask<SessionRecord>(api.GET("/api/v1/auth/session")));
}
