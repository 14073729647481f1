/** A path, an ARN or an e-mail address. Where it is too long, it is broken after a sign, not in the middle of a word. */
import { Fragment } from "react";

export function BreakableText({ children }: { children: string }) {
  return children.split(/(?<=[/@:])/).map((part, index) => (
    // The parts of a text never change places.
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
