"""The one style sheet, inline in every page; its hash stands in the content security policy.

Colours keep a contrast of at least 4.5 to 1, in light and dark.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #ffffff; --text: #16191f; --soft: #545b64; --line: #c6cad1;
  --link: #0b5cad; --accent: #0b5cad; --on-accent: #ffffff; --badge: #ffd84d; --bad: #a11a1a; --bad-back: #fdf0ee;
  --good: #17663a; --good-back: #eef8f1; --code: #eef0f3 }
@media (prefers-color-scheme: dark) { :root { --page: #10151d; --card: #1a212c; --text: #e6e9ee; --soft: #aab2bf;
  --line: #465062; --link: #7db9f5; --accent: #7db9f5; --on-accent: #0d1520; --badge: #ffd84d; --bad: #ff9d91;
  --bad-back: #34191b; --good: #84dca6; --good-back: #14301f; --code: #242d3b } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif;
  overflow-wrap: break-word }
header { display: flex; flex-wrap: wrap; gap: .25rem 2rem; align-items: center; justify-content: space-between;
  padding: .5rem 1.25rem; background: var(--card); border-bottom: 4px solid var(--badge) }
header p, header ul { margin: 0; padding: 0 }
.place { color: var(--soft) }
.badge { background: var(--badge); color: #16191f; padding: .1rem .5rem; border-radius: .25rem; letter-spacing: .06em }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none }
nav a { display: inline-block; padding: .25rem 0; text-decoration: none }
nav a[aria-current] { color: var(--text); font-weight: 600; border-bottom: 2px solid var(--accent) }
main { max-width: 50rem; margin: 1.5rem auto; padding: 0 1.25rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.25rem; margin: 0 0 1.25rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.15rem; margin: 0 0 .5rem }
p, form, details, .wide { margin: 0 0 .75rem }
section > :last-child { margin-bottom: 0 }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.skip { position: absolute; left: -999rem }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .25rem .75rem }
.field { margin: 0 0 1rem }
label { font-weight: 600; display: block }
.hint, footer, caption { color: var(--soft); font-size: .9rem }
.field .hint { margin: 0 }
input:not([type=hidden], [type=checkbox]), select { display: block; width: 100%; margin-top: .25rem;
  padding: .5rem .65rem;
  font: inherit; color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: .35rem }
input[aria-invalid] { border: 2px solid var(--bad) }
.choice { display: flex; gap: .5rem; align-items: baseline; margin: 0 0 1rem }
button, .button { display: inline-block; font: inherit; font-weight: 600; padding: .5rem 1.1rem; border-radius: .35rem;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none;
  cursor: pointer }
button.quiet { background: transparent; color: var(--link) }
td form { margin: 0 }
td button { padding: .2rem .7rem; white-space: nowrap }
td code { white-space: nowrap }
.alert, .notice { border: 1px solid; border-left-width: .4rem; border-radius: .35rem; padding: .65rem .9rem;
  margin: 0 0 1rem }
.alert { border-color: var(--bad); background: var(--bad-back); color: var(--bad) }
.notice { border-color: var(--good); background: var(--good-back); color: var(--good) }
.alert > :last-child, .notice > :last-child { margin: 0 }
.alert p:first-child:not(:last-child) { margin-bottom: .25rem }
.alert code, .notice code { background: none; color: inherit; padding: 0 }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; background: var(--code);
  border-radius: .25rem; padding: .1rem .3rem; overflow-wrap: anywhere }
pre { padding: .75rem .9rem; white-space: pre-wrap; margin: 0 0 .75rem }
.seed { font-size: 1.15rem; letter-spacing: .06em }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; padding: 0 0 .35rem }
th, td { text-align: left; vertical-align: baseline; padding: .4rem .9rem .4rem 0; border-top: 1px solid var(--line) }
dl { margin: 0 0 .75rem }
dl div { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .25rem 0 }
dt { flex: 0 0 13rem; color: var(--soft) }
dd { margin: 0; flex: 1 1 14rem; overflow-wrap: anywhere }
svg { display: block; width: 11.5rem; height: 11.5rem; background: #ffffff; border-radius: .35rem; margin: 0 0 .75rem }
footer { max-width: 50rem; margin: 2rem auto; padding: 0 1.25rem }
"""
