/** Splits code into parts with a kind, for colours. It needn't be right everywhere: the text is shown whole in any case. */
import type { PolicyText } from "../api/records";

type Kind = "comment" | "key" | "text" | "word";

export interface CodePart {
  text: string;
  /** Absent for everything else. */
  kind?: Kind;
}

const QUOTED = String.raw`"(?:[^"\\\n]|\\.)*"`;
const COMMENT = String.raw`(?<comment>(?<=^|\s)#[^\n]*)`;
const WORD = String.raw`(?<word>\b(?:true|false|null|\d+)\b)`;

const PATTERNS: { readonly [language in PolicyText["language"]]: RegExp } = {
  json: new RegExp(String.raw`(?<key>${QUOTED}(?=\s*:))|(?<text>${QUOTED})|${WORD}`, "gm"),
  yaml: new RegExp(String.raw`${COMMENT}|(?<key>(?<=^\s*(?:- )?)[\w.:"$-]+(?=:(?:\s|$)))|(?<text>${QUOTED}|'[^'\n]*')|${WORD}`, "gm"),
  hcl: new RegExp(String.raw`${COMMENT}|(?<key>(?<=^\s*)[\w-]+(?=\s*(?:=|\{|")))|(?<text>${QUOTED})|${WORD}`, "gm"),
};

export function splitCode(content: string, language: PolicyText["language"]): CodePart[] {
  const parts: CodePart[] = [];
  let end = 0;
  for (const match of content.matchAll(PATTERNS[language])) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? [];
    if (match.index > end) parts.push({ text: content.slice(end, match.index) });
    parts.push({ text: match[0], kind: kind as Kind });
    end = match.index + match[0].length;
  }
  return [...parts, { text: content.slice(end) }];
}
