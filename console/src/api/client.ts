/** The typed client of the API. Paths, parameters, bodies and answers are those of the OpenAPI document. */
import createClient from "openapi-fetch";
import { markConnected, markDisconnected } from "./connection";
import type { paths } from "./generated";
import { apiUrl } from "./place";
import { ConnectionLostError, parseProblem, type ProblemError } from "./problems";
import type { SessionRecord } from "./records";
import { recordServerDate } from "./server-clock";
import { endSession, getCsrfToken, getToken, isSameUser, renewCsrfToken, requireStepUp, session } from "./session";

const FACTOR_NEEDED_CODE = "access.factor_needed";
const CSRF_CODE = "access.csrf";
const IDEMPOTENCY_HEADER = "Idempotency-Key";
const KEY_BYTES = 16;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** Time for the browser to store the renewed cookie. */
const RENEWAL_MILLISECONDS = 500;

/** Rows of a page that the server returns. */
export const PAGE_ROWS = 25;

export const api = makeClient();

/** A client of this page's organization, or of another one of the server. */
export function makeClient(organization?: string) {
  return createClient<paths>({
    credentials: "same-origin",
    fetch: send,
    Request: class extends Request {
      constructor(path: string, init?: RequestInit) {
        super(apiUrl(path, organization), init);
      }
    } as typeof Request,
  });
}

/**
 * Return the data of an answer.
 *
 * Throws a ProblemError if the server refuses, a ConnectionLostError if no answer arrived, and a StepUpDeclinedError if the
 * user declined to enter a second factor.
 */
export async function unwrap<T>(answering: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answering;
  if (!response.ok) throw parseProblem(response.status, error);
  return data as T;
}

/** Every row of a listing, from its first page to its last. */
export async function readAll<Page extends { next?: string | null }, Row>(
  readPage: (after: string | undefined) => Promise<Page>,
  listRows: (page: Page) => readonly Row[],
): Promise<Row[]> {
  const found: Row[] = [];
  let after: string | undefined;
  do {
    const page = await readPage(after);
    found.push(...listRows(page));
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

/** Send a request that isn't JSON, such as the events of a job. */
export async function send(request: Request): Promise<Response> {
  if (request.method === "POST" && !request.headers.has(IDEMPOTENCY_HEADER)) request.headers.set(IDEMPOTENCY_HEADER, makeIdempotencyKey());
  const repeatable = request.clone();
  const sentWith = getCsrfToken();
  const response = await sendOnce(request);
  if (response.status !== UNAUTHORIZED && response.status !== FORBIDDEN) return response;
  const { code } = await readProblem(response);
  if (code === FACTOR_NEEDED_CODE) {
    await requireStepUp();
    return sendOnce(repeatable);
  }
  const hasSessionEnded = response.status === UNAUTHORIZED && !isSignInRoute(request);
  if ((hasSessionEnded || code === CSRF_CODE) && (await wasCsrfTokenRenewed(sentWith))) return send(repeatable);
  if (hasSessionEnded) expireSession();
  return response;
}

/**
 * Whether the sign-in has a new CSRF token: it changes when the user enters the second factor, possibly in another tab while a
 * request is in flight. The server did nothing for a request that it refused for this reason, so it can be sent again.
 */
async function wasCsrfTokenRenewed(sentWith: string | null): Promise<boolean> {
  if (sentWith === null) return false;
  await new Promise((resolve) => setTimeout(resolve, RENEWAL_MILLISECONDS));
  const response = await sendOnce(new Request(apiUrl("/api/v1/auth/session")));
  if (!response.ok) return false;
  const record = (await response.json()) as SessionRecord;
  if (!isSameUser(record)) return false;
  renewCsrfToken(record);
  return record.csrf_token !== sentWith;
}

/** The server carries out a request once for each key, so it can be sent again. Pages without TLS have no `randomUUID`. */
function makeIdempotencyKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function sendOnce(request: Request): Promise<Response> {
  const signed = new Request(request, { headers: makeHeaders(request) });
  const sentAt = Date.now();
  let response: Response;
  try {
    response = await (signed.headers.has(IDEMPOTENCY_HEADER) && !isSignInRoute(signed) ? fetchWithRetry(signed) : fetch(signed));
  } catch (error) {
    if (request.signal.aborted) throw error;
    markDisconnected();
    throw new ConnectionLostError(request.method !== "GET");
  }
  markConnected();
  recordServerDate(response.headers.get("Date"), sentAt);
  return response;
}

/** Send a request once more if no answer arrived. The server knows the key, so it doesn't act twice. */
async function fetchWithRetry(request: Request): Promise<Response> {
  const repeated = request.clone();
  return fetch(request).catch((error: unknown) => {
    if (repeated.signal.aborted) throw error;
    return fetch(repeated);
  });
}

function makeHeaders(request: Request): Headers {
  const headers = new Headers(request.headers);
  headers.set("X-Rootkeeper-Console", "1");
  if (isIdle()) headers.set("X-Rootkeeper-Idle", "1");
  const token = getToken();
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const csrfToken = getCsrfToken();
  if (csrfToken && request.method !== "GET") headers.set("X-CSRF-Token", csrfToken);
  return headers;
}

async function readProblem(response: Response): Promise<ProblemError> {
  const document: unknown = await response.clone().json().catch(() => null);
  return parseProblem(response.status, document);
}

/** At sign-in, status 401 means a wrong password and not an ended session. */
function isSignInRoute(request: Request): boolean {
  return new URL(request.url).pathname.startsWith("/api/v1/auth/");
}

function expireSession(): void {
  if (session.get().state === "signed_in") endSession(true);
}

/** After this time without input the server is informed, so that polling by the page doesn't extend the session. */
const IDLE_AFTER_MILLISECONDS = 60_000;

let lastInputAt = Date.now();

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"])
  window.addEventListener(kind, () => (lastInputAt = Date.now()), { capture: true, passive: true });

function isIdle(): boolean {
  return Date.now() - lastInputAt > IDLE_AFTER_MILLISECONDS;
}
