/** The steps of a sign-in, and passkeys. */
import {
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  startAuthentication,
  startRegistration,
} from "@simplewebauthn/browser";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { markDisconnected } from "../api/connection";
import { apiUrl } from "../api/place";
import { ConnectionLostError, parseProblem } from "../api/problems";
import { queries } from "../api/queries";
import type { FactorBody, PasskeyAnswer, SessionRecord } from "../api/records";
import { endSession, session, startSession, startTokenSession } from "../api/session";
import { dismissNotices } from "../components/notices";

export async function signIn(name: string, password: string): Promise<void> {
  const record = await unwrap(api.POST("/api/v1/auth/sign-in", { body: { name, password } }));
  // Without the console's header, the server answers with a bearer token.
  if ("csrf_token" in record) startBrowserSession(record);
}

export async function signInByFactor(body: FactorBody): Promise<void> {
  startBrowserSession(await unwrap(api.POST("/api/v1/auth/factor", { body })));
}

/** Another user may have been signed in before, so what that user read is removed. */
export function startBrowserSession(record: SessionRecord): void {
  queries.clear();
  dismissNotices();
  startSession(record);
}

/** Check the token, then use it. It stays in memory only. */
export async function signInByToken(token: string): Promise<void> {
  const answer = await fetch(apiUrl("/api/v1/me"), { headers: { Authorization: `Bearer ${token}` } }).catch(() => {
    markDisconnected();
    throw new ConnectionLostError(false);
  });
  const record: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw parseProblem(answer.status, record);
  queries.clear();
  dismissNotices();
  startTokenSession(token);
}

/** Cancel an unfinished sign-in. If the server can't be reached, the sign-in expires: without the second factor it has no access. */
export async function restartSignIn(): Promise<void> {
  await unwrap(api.POST("/api/v1/auth/sign-out")).catch(() => undefined);
  endSession(false);
}

/**
 * Ask the server who is signed in, and what the sign-in still needs. While the server doesn't answer, the state is unknown.
 * Without a cookie no one is signed in, and no request is sent: the server would refuse it, and browsers log that as an error.
 */
export async function findSession(): Promise<void> {
  try {
    const { has_cookie } = await readSignInMethods();
    if (!has_cookie) return endSession(false);
    startSession(await unwrap(api.GET("/api/v1/auth/session")));
  } catch (error) {
    if (error instanceof ConnectionLostError) session.set({ state: "unknown" });
    else endSession(false);
  }
}

const METHODS = { queryKey: ["sign-in-methods"], queryFn: () => unwrap(api.GET("/api/v1/auth/methods")) };

export function useSignInMethods() {
  return useQuery(METHODS);
}

/** The methods, read from the server now. */
function readSignInMethods() {
  return queries.fetchQuery({ ...METHODS, staleTime: 0 });
}

/** Sign the server's challenge with the user's passkey. */
export async function signWithPasskey(): Promise<PasskeyAnswer> {
  const options = await unwrap(api.POST("/api/v1/auth/passkey-options"));
  return { ...(await startAuthentication({ optionsJSON: options as unknown as PublicKeyCredentialRequestOptionsJSON })) };
}

export async function createPasskey(): Promise<PasskeyAnswer> {
  const options = await unwrap(api.POST("/api/v1/me/factors/passkeys/options"));
  return { ...(await startRegistration({ optionsJSON: options as unknown as PublicKeyCredentialCreationOptionsJSON })) };
}
