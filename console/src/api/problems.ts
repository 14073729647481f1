/** What goes wrong between the console and the server, as errors with a sentence and a hint. */

/** The server answered with a problem document. Source: RFC 9457. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string | null,
    detail: string,
    readonly hint: string | null,
    readonly requestId: string | null,
  ) {
    super(detail);
    this.name = "ProblemError";
  }
}

/** No answer came. Whether the server did what it was asked isn't known. */
export class ConnectionLostError extends Error {
  constructor(readonly wasChange: boolean) {
    super("The server can't be reached.");
    this.name = "ConnectionLostError";
  }
}

/** A second factor was asked for, and the person declined. */
export class StepUpDeclinedError extends Error {
  constructor() {
    super("Nothing was done: it takes your second factor.");
    this.name = "StepUpDeclinedError";
  }
}

export function problemOf(status: number, document: unknown): ProblemError {
  const told = isRecord(document) ? document : {};
  return new ProblemError(
    status,
    textOf(told.code),
    textOf(told.detail) ?? textOf(told.title) ?? `The server answered with status ${status}.`,
    textOf(told.hint),
    textOf(told.request_id),
  );
}

/** An error in two parts: what happened, and what to do next. */
export function describeError(error: unknown): { what: string; next: string } {
  if (error instanceof ProblemError) return { what: error.message, next: nextStepAfter(error) };
  if (error instanceof ConnectionLostError) return { what: error.message, next: nextStepAfterSilence(error) };
  if (error instanceof StepUpDeclinedError) return { what: error.message, next: "Try again with the second factor at hand." };
  if (error instanceof Error && error.name === "NotAllowedError")
    return { what: "The passkey wasn't used.", next: "Try again, or use another second factor." };
  return { what: error instanceof Error ? error.message : String(error), next: "Reload the page, and try again." };
}

function nextStepAfterSilence({ wasChange }: ConnectionLostError): string {
  if (wasChange) return "Whether it did what you asked isn't known: once it answers again, look before you ask anew.";
  return "Look whether it runs. The console goes on by itself once it answers again.";
}

function nextStepAfter(error: ProblemError): string {
  if (error.hint) return error.hint;
  if (error.status >= 500 && error.requestId) return `The server's log has more under request ${error.requestId}.`;
  return "";
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
