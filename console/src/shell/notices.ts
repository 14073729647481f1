/** What the person is told at the top of the page, until it is dismissed. */
import type { FlashbarProps } from "@cloudscape-design/components/flashbar";
import { observable } from "../api/observable";
import { describeError } from "../api/problems";

interface Notice {
  id: string;
  type: FlashbarProps.Type;
  header: string;
  content?: string;
}

export const notices = observable<readonly Notice[]>([]);

let count = 0;

export function tell(type: FlashbarProps.Type, header: string, content?: string): void {
  const said = notices.get().filter((one) => one.header !== header || one.content !== content);
  count += 1;
  notices.set([{ id: `notice-${count}`, type, header, content }, ...said].slice(0, 5));
}

export function tellProblem(error: unknown): void {
  const { what, next } = describeError(error);
  tell("error", what, next);
}

export function dismiss(id: string): void {
  notices.set(notices.get().filter((one) => one.id !== id));
}

export function dismissAll(): void {
  notices.set([]);
}
