/** The typed client of the API: paths, parameters, bodies and answers are those of the OpenAPI document. */
import createClient from "openapi-fetch";
import { isIdle } from "./activity";
import { noteAnswer, noteSilence } from "./connection";
import type { paths } from "./generated";
import { ConnectionLostError, problemOf, type ProblemError } from "./problems";
import type { SessionRecord } from "./records";
import { noteServerDate } from "./server-clock";
import { csrfTokenOf, forgetSession, isStillMine, renewCsrfToken, session, tokenOf } from "./session";
import { askForFactor } from "./step-up";

const FACTOR_NEEDED = "access.factor_needed";
const FORGED = "access.csrf";
const KEY = "Idempotency-Key";
const KEY_BYTES = 16;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** Until the browser has the renewed cookie. */
const RENEWAL_MILLISECONDS = 500;

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  fetch: send,
});

/**
 * What a request is answered with.
 *
 * Throws a ProblemError if the server refuses, a ConnectionLostError if no answer came, and a StepUpDeclinedError if a
 * second factor was needed and not given.
 */
export async function ask<T>(answering: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answering;
  if (!response.ok) throw problemOf(response.status, error);
  return data as T;
}

/** A request by hand, for what isn't JSON, such as a job's events. */
export async function send(request: Request): Promise<Response> {
  if (request.method === "POST" && !request.headers.has(KEY)) request.headers.set(KEY, makeKey());
  const repeatable = request.clone();
  const sentWith = csrfTokenOf();
  const response = await sendOnce(request);
  if (response.status !== UNAUTHORIZED && response.status !== FORBIDDEN) return response;
  const { code } = await readProblem(response);
  if (code === FACTOR_NEEDED) {
    await askForFactor();
    return sendOnce(repeatable);
  }
  const isOver = response.status === UNAUTHORIZED && !isSignInRoute(request);
  if ((isOver || code === FORGED) && (await wasRenewed(sentWith))) return send(repeatable);
  if (isOver) endSession();
  return response;
}

/**
 * Whether the sign-in goes on under another secret: it changes when the second factor is given, be it while a request was
 * on its way or in another tab. What was refused for that wasn't done, and can be sent again.
 */
async function wasRenewed(sentWith: string | null): Promise<boolean> {
  if (sentWith === null) return false;
  await new Promise((resolve) => setTimeout(resolve, RENEWAL_MILLISECONDS));
  const response = await sendOnce(new Request(new URL("/api/v1/auth/session", window.location.origin)));
  if (!response.ok) return false;
  const told = (await response.json()) as SessionRecord;
  if (!isStillMine(told)) return false;
  renewCsrfToken(told);
  return told.csrf_token !== sentWith;
}

/** However often a request must be sent, the server does it once for its key. Pages without TLS have no `randomUUID`. */
function makeKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function sendOnce(request: Request): Promise<Response> {
  const signed = new Request(request, { headers: signatureOf(request) });
  const sentAt = Date.now();
  let response: Response;
  try {
    response = await (signed.headers.has(KEY) && !isSignInRoute(signed) ? fetchTwice(signed) : fetch(signed));
  } catch (error) {
    if (request.signal.aborted) throw error;
    noteSilence();
    throw new ConnectionLostError(request.method !== "GET");
  }
  noteAnswer();
  noteServerDate(response.headers.get("Date"), sentAt);
  return response;
}

/** What got no answer is sent once more: the server, which knows the key, answers as it did, or does it now. */
async function fetchTwice(request: Request): Promise<Response> {
  const again = request.clone();
  return fetch(request).catch((error: unknown) => {
    if (again.signal.aborted) throw error;
    return fetch(again);
  });
}

function signatureOf(request: Request): Headers {
  const headers = new Headers(request.headers);
  headers.set("X-Rootkeeper-Console", "1");
  if (isIdle()) headers.set("X-Rootkeeper-Idle", "1");
  const token = tokenOf();
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const csrfToken = csrfTokenOf();
  if (csrfToken && request.method !== "GET") headers.set("X-CSRF-Token", csrfToken);
  return headers;
}

async function readProblem(response: Response): Promise<ProblemError> {
  const document: unknown = await response.clone().json().catch(() => null);
  return problemOf(response.status, document);
}

/** At sign-in a 401 means a wrong password, and not that a session has ended. */
function isSignInRoute(request: Request): boolean {
  return new URL(request.url).pathname.startsWith("/api/v1/auth/");
}

function endSession(): void {
  if (session.get().state === "signed_in") forgetSession(true);
}
