/** Errors between the console and the server, each with a message and a hint. */

import { renderHint } from "./hints";

/** The server answered with a problem document. Source: RFC 9457. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string | null,
    detail: string,
    readonly hint: string | null,
    readonly requestId: string | null,
    /** The hint's code, by which a page can offer what the hint names. */
    readonly hintCode: string | null = null,
  ) {
    super(detail);
    this.name = "ProblemError";
  }
}

/** No answer arrived. It isn't known whether the server carried out the request. */
export class ConnectionLostError extends Error {
  constructor(readonly wasChange: boolean) {
    super("The server can't be reached.");
    this.name = "ConnectionLostError";
  }
}

/** The user declined to enter a second factor. */
export class StepUpDeclinedError extends Error {
  constructor() {
    super("Nothing was changed: this action requires your second factor.");
    this.name = "StepUpDeclinedError";
  }
}

export function parseProblem(status: number, document: unknown): ProblemError {
  const fields = isRecord(document) ? document : {};
  return new ProblemError(
    status,
    readText(fields.code),
    readText(fields.detail) ?? readText(fields.title) ?? `The server answered with status ${status}.`,
    renderHint(readText(fields.hint), readText(fields.hint_code), isFacts(fields.hint_facts) ? fields.hint_facts : {}) || null,
    readText(fields.request_id),
    readText(fields.hint_code),
  );
}

/** Describe an error: what happened, and what to do next. */
export function describeError(error: unknown): { what: string; next: string } {
  if (error instanceof ProblemError) return { what: error.message, next: chooseHint(error) };
  if (error instanceof ConnectionLostError) return { what: error.message, next: describeLostConnection(error) };
  if (error instanceof StepUpDeclinedError) return { what: error.message, next: "Try again and enter your second factor." };
  if (error instanceof Error && error.name === "NotAllowedError")
    return { what: "The passkey wasn't used.", next: "Try again, or use another second factor." };
  return { what: error instanceof Error ? error.message : String(error), next: "Reload the page and try again." };
}

function describeLostConnection({ wasChange }: ConnectionLostError): string {
  if (wasChange) return "It isn't known whether your request was carried out. When the connection is back, check before you try again.";
  return "Check that the server is running. The console reconnects automatically.";
}

function chooseHint(error: ProblemError): string {
  if (error.hint) return error.hint;
  if (error.status >= 500 && error.requestId) return `For details, look for request ${error.requestId} in the server's log.`;
  return "";
}

function readText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function isFacts(value: unknown): value is { [name: string]: string } {
  return isRecord(value) && Object.values(value).every((one) => typeof one === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
