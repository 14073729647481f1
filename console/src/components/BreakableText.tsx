/** A text with paths, ARNs or e-mail addresses. They are broken after a slash, a colon or an at sign, not in the middle of a word or a time. */
import { Fragment } from "react";

export function BreakableText({ children }: { children: string }) {
  return children.split(/(?<=[/@]|:(?!\d\d\b))/).map((part, index) => (
    // The parts of a text never change places.
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
