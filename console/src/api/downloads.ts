/** Downloads: documents of the server, and text that the page already has. */
import { send } from "./client";
import { apiUrl } from "./place";
import { parseProblem } from "./problems";

export interface SavedFile {
  name: string;
  bytes: number;
}

/**
 * Fetch a document and save it as a file. A plain link can't send the token of the session, so this uses `send`.
 *
 * @param onReceived is called with the number of bytes so far.
 */
export async function download(
  path: string,
  query: URLSearchParams,
  fallbackName: string,
  onReceived: (bytes: number) => void = () => undefined,
): Promise<SavedFile> {
  const address = apiUrl(path);
  address.search = query.toString();
  const response = await send(new Request(address));
  if (!response.ok) throw parseProblem(response.status, await response.json().catch(() => null));
  const content = await readBody(response, onReceived);
  const name = findFileName(response) ?? fallbackName;
  saveBlob(content, name);
  return { name, bytes: content.size };
}

async function readBody(response: Response, onReceived: (bytes: number) => void): Promise<Blob> {
  if (!response.body) return response.blob();
  let bytes = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform: (piece, controller) => {
      bytes += piece.byteLength;
      onReceived(bytes);
      controller.enqueue(piece);
    },
  });
  return new Response(response.body.pipeThrough(counting), { headers: response.headers }).blob();
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
