/** Notices at the top of the page. They stay until they are dismissed, or until another page is shown. */
import type { FlashbarProps } from "@cloudscape-design/components/flashbar";
import { observable } from "../api/observable";
import { routerPath } from "../api/place";
import { describeError } from "../api/problems";
import { queries } from "../api/queries";

interface Notice {
  id: string;
  type: FlashbarProps.Type;
  header: string;
  content?: string;
  /** Of the page that it belongs to. */
  path: string;
}

export const notices = observable<readonly Notice[]>([]);

let count = 0;

/** Show a notice on this page, or on the page of `path`, which comes next. */
export function notify(type: FlashbarProps.Type, header: string, content?: string, path = routerPath(window.location.pathname)): void {
  const others = notices.get().filter((one) => one.header !== header || one.content !== content);
  count += 1;
  notices.set([{ id: `notice-${count}`, type, header, content, path }, ...others].slice(0, 5));
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

export function dismissNoticesOfOtherPages(path: string): void {
  const kept = notices.get().filter((one) => one.path === path);
  if (kept.length < notices.get().length) notices.set(kept);
}

export function dismissNotices(): void {
  notices.set([]);
}
