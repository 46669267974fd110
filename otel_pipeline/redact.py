"""Personal data and secrets, struck out of text before it leaves for an embedding endpoint or a language model.

Patterns find what has a form: addresses, numbers with check digits, keys. A name of a person has none; for those there
is ``presidio``, where it is installed and REDACT_PRESIDIO is on. What is stored here stays as it came: see
``otel-pipeline forget``.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from otel_pipeline.web_guard import is_loopback

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Pattern:
    """What to look for.

    :param expression: with a group ``keep`` where only what follows it is struck out.
    :param check: whether a match is really one.
    """

    name: str
    expression: re.Pattern[str]
    check: Check = lambda _: True


def luhn(text: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0


def mod97(text: str) -> bool:
    """The check digits of an IBAN (ISO 13616)."""
    plain = re.sub(r"\s", "", text).upper()
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _born(text: str) -> bool:
    """Whether a Korean resident registration number begins with a date (since 2020 its last digit checks nothing)."""
    return 1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) <= 31


def _ip6(text: str) -> bool:
    try:
        return ":" in text and bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _pattern(name: str, expression: str, check: Check = lambda _: True) -> Pattern:
    return Pattern(name, re.compile(expression), check)


# Repetitions are bounded, and none stands within another: a hostile text costs no more than a long one.
PATTERNS = (
    _pattern("private-key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,30}-----)?"),
    _pattern("jwt", r"\beyJ[\w-]{8,4000}\.[\w-]{8,8000}(?:\.[\w-]{0,4000})?"),
    _pattern("credentials", r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://)[^\s/@:]{0,200}:[^\s/@]{1,200}(?=@)"),
    _pattern("token", r"(?P<keep>(?i:\b(?:bearer|basic|apikey|token)\s{1,3}))[A-Za-z0-9._~+/-]{12,4000}={0,2}"),
    _pattern(
        "api-key",
        r"\b(?:sk-[A-Za-z0-9_-]{16,200}|AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,255}"
        r"|github_pat_\w{20,255}|xox[abeprs]-[A-Za-z0-9-]{10,250}|AIza[\w-]{35}|glpat-[\w-]{20,40}|hf_[A-Za-z0-9]{30,60})",
    ),
    _pattern(
        "secret",
        r"(?P<keep>(?i:(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|session[_-]?id))"
        r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)[^\s\"',;&<>{}\[\]]{4,500}",
    ),
    _pattern("email", r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    _pattern("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", mod97),
    _pattern("card", r"(?<![\w.-])(?:[3-6]|2[2-7])\d{3}[ -]?\d{4,6}[ -]?\d{4,5}(?:[ -]?\d{1,7})?(?![\w-])", luhn),
    _pattern("resident-number", r"(?<![\w-])\d{6}-?[1-8]\d{6}(?![\w-])", _born),
    _pattern("social-security-number", r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"),
    _pattern("phone", r"(?<![\w+])\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}(?![\w])"),
    _pattern("phone", r"(?<![\w.-])01[016789][ .-]?\d{3,4}[ .-]?\d{4}(?![\w-])"),
    _pattern("phone", r"(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?![\w-])"),
)
OPTIONAL = {
    "ip": (
        _pattern("ip", r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])"),
        _pattern("ip", r"(?<![\w:.])[0-9a-fA-F:]{3,45}(?![\w:.])", _ip6),
    )
}


@dataclass
class Redactor:
    """Strikes out what its patterns find: each match becomes ``[name]``. ``counts`` says how often each did.

    :param people: finds spans of names in a text, for what has no form.
    """

    patterns: tuple[Pattern, ...] = PATTERNS
    people: Callable[[str], list[tuple[int, int, str]]] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """The text without them."""
        for pattern in self.patterns:
            text = pattern.expression.sub(lambda match, p=pattern: self._struck(p, match), text)
        if self.people:
            for start, end, kind in sorted(self.people(text), reverse=True):
                text = text[:start] + self._name(kind) + text[end:]
        return text

    def texts(self, texts: Iterable[str]) -> list[str]:
        """Several."""
        return [self.text(text) for text in texts]

    def _struck(self, pattern: Pattern, match: re.Match[str]) -> str:
        if not pattern.check(match[0]):
            return match[0]
        kept = match["keep"] if "keep" in pattern.expression.groupindex else ""
        return kept + self._name(pattern.name)

    def _name(self, name: str) -> str:
        self.counts[name] = self.counts.get(name, 0) + 1
        return f"[{name}]"


def read_patterns(path: Path) -> tuple[Pattern, ...]:
    """Patterns of one's own: a ``NAME=REGULAR EXPRESSION`` a line; a bare name switches on an optional one (``ip``).

    :raises UserError: the file cannot be read, or a line is neither.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise UserError(f"REDACT_PATTERNS: cannot read {path}: {error.strerror}") from None
    found: list[Pattern] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, expression = line.partition("=")
        name = name.strip()
        if not equals and name in OPTIONAL:
            found += OPTIONAL[name]
            continue
        try:
            if not equals or not re.fullmatch(r"[\w-]{1,40}", name) or re.compile(expression).fullmatch(""):
                raise ValueError("write NAME=REGULAR EXPRESSION, one that matches something")
            found.append(Pattern(name, re.compile(expression)))
        except (ValueError, re.error) as error:
            raise UserError(f"REDACT_PATTERNS: line {number} of {path}: {error}") from None
    return tuple(found)


def redactor_for(settings: Settings, url: str) -> Redactor | None:
    """What to strike out of text that goes to an address; None where it may go as it is.

    :raises UserError: the patterns cannot be read, or presidio is not installed.
    """
    if settings.redact == "never" or (settings.redact == "auto" and is_loopback(urlsplit(url).hostname or "")):
        return None
    own = read_patterns(Path(settings.redact_patterns).expanduser()) if settings.redact_patterns else ()
    return Redactor((*PATTERNS, *own), _presidio() if settings.redact_presidio else None)


def _presidio() -> Callable[[str], list[tuple[int, int, str]]]:
    try:
        import presidio_analyzer  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError("REDACT_PRESIDIO needs presidio: pip install presidio-analyzer, and a model of spaCy") from None
    engine: Any = presidio_analyzer.AnalyzerEngine()

    def people(text: str) -> list[tuple[int, int, str]]:
        found = engine.analyze(text=text, language="en", entities=["PERSON", "LOCATION"])
        spans = sorted(((r.start, r.end, r.entity_type.lower()) for r in found), key=lambda span: span[0])
        apart: list[tuple[int, int, str]] = []
        for span in spans:
            if not apart or span[0] >= apart[-1][1]:
                apart.append(span)
        return apart

    return people
