"""Names of services, operations, versions and attributes that an attacker would choose, for every surface."""

from tests.support.hostile_logs import LINES

MUTATION = (
    "![x](http://127.0.0.1:3000/graphql?query=mutation%7BshutdownRepositoryLocation"
    "(repositoryLocationName:%22otel_pipeline%22)%7B__typename%7D%7D)"
)
_MARKDOWN = [
    MUTATION,
    "[open](javascript:alert(1))",
    "[open][ref]\n\n[ref]: http://evil.example",
    "<http://evil.example>",
    "http://evil.example/auto",
    "www.evil.example",
    "root@evil.example",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "a`b ![x](http://evil.example/`)",
    "```\n![x](http://evil.example)\n```",
    "``` ![x](http://evil.example)",
    "a | b | ![x](http://evil.example)",
    "a\r\n\r\n# Heading ![x](http://evil.example)",
    "\\`![x](http://evil.example)\\`",
    "`" * 7,
    "~~~\n<script>alert(1)</script>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "![x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](//evil.example/y)",
    "$\\href{javascript:alert(1)}{x}$",
    "<!channel> <@U123> <http://evil.example|here> *bold* _it_",
    "]]><script>alert(1)</script><![CDATA[",
    'x" onmouseover="alert(1)',
    "x' onmouseover='alert(1)",
    "[bold red]x[/] [link=http://evil.example]y[/link]",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x9b31mred\x9d0;title\x9c",
    '=HYPERLINK("http://evil.example")',
    "--output=/tmp/x; rm -rf ~",
    "",
    " ",
]
NAMES = [*_MARKDOWN, *(text for text in LINES if len(text) < 2000)]
