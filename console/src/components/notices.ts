/** Notices at the top of the page. They stay until they are dismissed. */
import type { FlashbarProps } from "@cloudscape-design/components/flashbar";
import { observable } from "../api/observable";
import { describeError } from "../api/problems";
import { queries } from "../api/queries";

interface Notice {
  id: string;
  type: FlashbarProps.Type;
  header: string;
  content?: string;
}

export const notices = observable<readonly Notice[]>([]);

let count = 0;

export function notify(type: FlashbarProps.Type, header: string, content?: string): void {
  const others = notices.get().filter((one) => one.header !== header || one.content !== content);
  count += 1;
  notices.set([{ id: `notice-${count}`, type, header, content }, ...others].slice(0, 5));
}

export function notifyProblem(error: unknown): void {
  const { what, next } = describeError(error);
  notify("error", what, next);
}

/** Failed changes whose form doesn't show the error. */
queries.getMutationCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  if (!event.mutation.meta?.showsErrors) notifyProblem(event.action.error);
});

export function dismissNotice(id: string): void {
  notices.set(notices.get().filter((one) => one.id !== id));
}

export function dismissNotices(): void {
  notices.set([]);
}
