/** Files that the person keeps: what the server answers as a document, or what the page already holds. */
import { send } from "./client";
import { problemOf } from "./problems";

/** Fetch a document and hand it to the browser as a file. It goes by `send`, since a link carries no token. */
export async function download(path: string, query: URLSearchParams, fallbackName: string): Promise<void> {
  const address = new URL(path, window.location.origin);
  address.search = query.toString();
  const response = await send(new Request(address));
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
  saveBlob(await response.blob(), nameOf(response) ?? fallbackName);
}

export function saveText(text: string, name: string, mediaType = "application/json"): void {
  saveBlob(new Blob([text], { type: mediaType }), name);
}

function saveBlob(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(address);
}

/** Source: RFC 6266; the server only sends plain names in quotes. */
function nameOf(response: Response): string | null {
  const header = response.headers.get("Content-Disposition") ?? "";
  return /filename="([^"/\\]+)"/.exec(header)?.[1] ?? null;
}
