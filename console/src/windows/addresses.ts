/** Where the pages about recovery windows are. */

export function windowAddress(windowId: string): string {
  return `/windows/${encodeURIComponent(windowId)}`;
}

/** The form for a request, with the account filled in. */
export function requestAddress(accountId?: string): string {
  return accountId ? `/windows/request?account=${encodeURIComponent(accountId)}` : "/windows/request";
}
