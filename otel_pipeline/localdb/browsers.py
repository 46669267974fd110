"""Rules of the engine's HTTP handlers: what a browser may ask of it, and of the HyperDX that it carries.

They say of the engine what :mod:`otel_pipeline.web_guard` says of the other servers. The engine takes the first rule
that fits, and knows no "unless" (RE2 has no look-ahead), so the rules that refuse come first, each with an expression
for everything but the good values (:func:`all_but`).
"""

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

NAMES = ("127.0.0.1", "localhost", "[::1]")
FOREIGN = "regex:(cross-site|same-site)"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ANY = r"(.|\n)*"


def all_but(words: Iterable[str], then: str = "") -> str:
    """A regular expression that matches exactly the texts that are none of the words.

    :param then: ``port`` where each word may have a colon and digits behind it.
    """
    return _others(sorted(set(words)), "", bool(then))


def _others(words: list[str], prefix: str, port: bool) -> str:
    """What may follow the prefix so that the whole is none of the words."""
    going_on = [word for word in words if word.startswith(prefix)]
    following = sorted({word[len(prefix)] for word in going_on if len(word) > len(prefix)})
    whole = prefix in going_on
    known = [*following, ":"] if whole and port else following
    options = [f"[^{''.join(map(re.escape, known))}]{ANY}" if known else f"(.|\n){ANY}"]
    if not whole:
        options.append("")
    elif port:
        options.append(f":[0-9]*[^0-9]{ANY}")
    options += [re.escape(char) + _others(going_on, prefix + char, port) for char in following]
    return f"({'|'.join(options)})"


def refusals(port: int) -> str:
    """Rules that answer 403: a name that is not ours; a page of another origin that does more than follow a link.

    :param port: that the engine listens on.
    """
    own = [f"http://{name}:{port}" for name in NAMES]
    return "".join(
        (
            _refuse({"Host": f"regex:{all_but(['', *NAMES], 'port')}"}),
            # An image, a script, a frame, a fetch: everything but opening a page.
            _refuse({"Sec-Fetch-Site": FOREIGN, "Sec-Fetch-Dest": f"regex:{all_but(['document'])}"}),
            _refuse({"Sec-Fetch-Site": FOREIGN}, methods="POST,PUT,DELETE,PATCH,OPTIONS,HEAD"),
            _refuse({"Sec-Fetch-Site": FOREIGN}, url="/"),
            # Old browsers, and web sockets, do not say so: by their Origin, the port with it.
            _refuse({"Sec-Fetch-Site": "", "Origin": f"regex:{all_but(['', *own])}"}),
        )
    )


def _refuse(headers: Mapping[str, str], url: str = "", methods: str = "") -> str:
    filters = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in headers.items())
    place = f"<url>{url}</url>" if url else ""
    how = f"<methods>{methods}</methods>" if methods else ""
    return f"""
    <rule>{place}{how}<headers>{filters}</headers>
      <handler><type>static</type><status>403</status><content_type>text/plain</content_type>
        <http_response_headers>{_answered()}</http_response_headers>
        <response_content>pages of other origins may not use this server</response_content></handler></rule>"""


def static(url: str, content_type: str, content: str) -> str:
    """A rule with a fixed answer."""
    return f"""
    <rule><url>{url}</url><methods>GET</methods>
      <handler><type>static</type><status>200</status><content_type>{content_type}</content_type>
        <http_response_headers>{_answered()}</http_response_headers>
        <response_content>{escape(content)}</response_content></handler></rule>"""


def pages() -> str:
    """Rules of the engine's own pages, framed by nobody. HyperDX's files come from the engine's defaults."""
    kinds = {"/play": "play", "/dashboard": "dashboard"}
    return "".join(
        f"""
    <rule><url>{url}</url><methods>GET,HEAD</methods><handler><type>{kind}</type>
      <http_response_headers>{_answered()}</http_response_headers></handler></rule>"""
        for url, kind in kinds.items()
    )


def _answered() -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in HEADERS.items())
