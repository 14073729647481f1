"""Texts that attack the program that shows them: markup, formulas, terminal sequences, turned reading direction."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE_TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><svg onload=alert(1)>",
    "</title><meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1",
    "\r=1",
    "  =1",
    "\uff1d1+1",
    ";=1+1",
    'Shop;"=1+1"',
    "a|b\n| c |\n\n# Heading",
    "[click](javascript:alert(1)) ![x](http://192.0.2.1/x.png)",
    "`code` *bold* __bold__ ~~gone~~ <https://192.0.2.1>",
    "https://192.0.2.1/ www.example.com",
    "<!-- --> ]]> &amp; &lt;script&gt; &#60;script&#62;",
    "\\| \\` \\<b>",
    "\x1b[2J\x1b]0;title\x07",
    "abc\u202edcba\u2066x\u2069",
    "line\u2028break\u2029",
    "\x00\x7f\x9b",
    "\ufeff\u200b\u00ad",
    'a,b;"c"',
    "'; DROP TABLE accounts; --",
    "$x^2$ $$y$$",
)

hostile_texts = (
    st.sampled_from(HOSTILE_TEXTS)
    | st.text(max_size=40)
    | st.text("<>&\"'`|*_[]()!#=+-@\t\r\n\\$~:;/., a", max_size=40)
)
