/** Downloads: documents of the server, and text that the page already has. */
import { send } from "./client";
import { parseProblem } from "./problems";

/** Fetch a document and save it as a file. A plain link can't send the token of the session, so this uses `send`. */
export async function download(path: string, query: URLSearchParams, fallbackName: string): Promise<void> {
  const address = new URL(path, window.location.origin);
  address.search = query.toString();
  const response = await send(new Request(address));
  if (!response.ok) throw parseProblem(response.status, await response.json().catch(() => null));
  saveBlob(await response.blob(), findFileName(response) ?? fallbackName);
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
function findFileName(response: Response): string | null {
  const header = response.headers.get("Content-Disposition") ?? "";
  return /filename="([^"/\\]+)"/.exec(header)?.[1] ?? null;
}
