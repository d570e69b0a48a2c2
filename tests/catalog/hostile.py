"""Texts that try to be more than text."""

from __future__ import annotations

TEXTS = (
    "a | b || c",
    "line one\n\n# heading\n- item\n| x | y |\n| --- | --- |",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![i](http://evil.example/x.png)",
    "**bold** _it_ ~~no~~ `code` $x^2$ \\ end\\",
    "&lt;b&gt; &#60; &amp;amp;",
    "http://evil.example www.evil.example",
    "``` fence ```` longer",
    '"quoted", and; separated',
    '{"@id": "x", "@type": "sc:Dataset"}',
    "1. first\n2) second",
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b[0m \x07 bell",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe",
    "全角｜竖线；分号",  # noqa: RUF001
    "> quote\n---\n===",
)
