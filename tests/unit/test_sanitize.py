"""Text of telemetry reaches a target through that target's escaper, or not at all."""

import io
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from otel_pipeline.assets import incidents, node
from otel_pipeline.demo import page
from otel_pipeline.demo.counts import Counts
from otel_pipeline.demo.report import Report, Verdict
from otel_pipeline.detection.model import StepReport
from otel_pipeline.investigate import svg
from otel_pipeline.sanitize import Html, Llm, Markdown, Slack, Svg, Terminal, Untrusted, Written, hides
from otel_pipeline.settings import Settings
from tests.support.hostile_names import MUTATION, NAMES

TARGETS: list[type[Written]] = [Markdown, Html, Svg, Terminal, Slack, Llm]
# What GitHub's dialect makes links of in plain text, as its readers' extensions look for it after parsing.
ADDRESS = re.compile(r"(https?://|www\.|mailto:|xmpp:|[\w.+-]+@[\w-]+\.\w)", re.IGNORECASE)
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")

text = st.text(
    st.one_of(st.characters(), st.sampled_from("`|[]()!<>*_~#-+.:/\\&\"'\n\r\t @=^{}\u2028\u202e\x1b\x00")), max_size=80
)


def tokens(document: str) -> list[Token]:
    """All tokens of a Markdown document, those within lines too."""
    return [inner for outer in PARSER.parse(document) for inner in (outer, *(outer.children or ()))]


def harmful(document: str) -> list[str]:
    """What a document would load, run or lead to that no template of ours put there."""
    found = []
    for token in tokens(document):
        if token.type in ("image", "html_inline", "html_block", "link_open", "fence", "code_block"):
            found.append(f"{token.type} {token.content or token.attrs}")
        if token.type == "text" and ADDRESS.search(token.content):
            found.append(f"autolink {token.content}")
    return found


@pytest.mark.parametrize("write", [str, "{}".format, lambda name: f"{name}", "".join])
def test_a_stranger_s_text_is_no_string(write) -> None:
    name = Untrusted("x")
    with pytest.raises(TypeError):
        write([name] if write == "".join else name)
    with pytest.raises(TypeError):
        _ = "a" + name  # pyright: ignore[reportOperatorIssue]
    assert name == "x" and name.raw == "x" and len(name) == 1 and repr(Untrusted("\x1b")) == "Untrusted('\\x1b')"


@pytest.mark.parametrize("target", TARGETS)
def test_a_template_escapes_what_is_not_of_its_target(target: type[Written]) -> None:
    hostile = "<b>`*x*`|«»&\x1b[0m"
    written = target.fill("{}: {name}, {}", hostile, 7, name=Untrusted(hostile))
    assert written == f"{target.of(hostile)}: {target.of(hostile)}, 7"
    assert target.of(target.of(hostile)) == target.of(hostile)
    others = [other for other in TARGETS if not issubclass(other, target)]
    assert all(target.of(other("<b>`\x1b")) == target.of("<b>`\x1b") for other in others)


@pytest.mark.parametrize("name", NAMES)
def test_no_hidden_character_reaches_a_target(name: str) -> None:
    for target in TARGETS:
        kept = "\n\t" if target is Terminal else ""
        assert [c for c in target.of(name) if hides(c) and c not in kept] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_does_nothing_in_markdown(name: str) -> None:
    assert harmful(Markdown.of(name)) == []
    for template in ("# {}", "- {} 3 ms", "1. **{}** (50%): {}", "| {} | {} |\n|---|---|\n| {} | {} |", "a {}\n\n{} b"):
        document = Markdown.fill(template, *[Untrusted(name)] * 4)  # pyright: ignore[reportArgumentType]
        assert harmful(document) == [], document
        assert document.count("\n") == template.count("\n")


@settings(max_examples=400, deadline=None)
@given(text, text)
def test_nothing_survives_in_markdown(first: str, second: str) -> None:
    assert harmful(Markdown.fill("- {}: **{}** ({}) {}", first, second, 3, first)) == []
    row = PARSER.parse(Markdown.fill("| {} | {} |\n|---|---|\n| {} | {} |", first, second, second, first))
    assert sum(token.type in ("td_open", "th_open") for token in row) == 4
    linked = tokens(Markdown.fill("{}", Markdown.link(first, f"http://127.0.0.1:8123/x?y={second}")))
    assert [str(t.attrs["href"]).startswith("http://127.0.0.1:8123/") for t in linked if t.type == "link_open"] == [
        True
    ]
    assert not [t for t in linked if t.type in ("image", "html_inline")]


@settings(max_examples=300, deadline=None)
@given(text)
def test_nothing_survives_in_html_svg_or_slack(hostile: str) -> None:
    for target in (Html, Svg):
        assert not set(target.of(hostile)) & set("<>\"'")
    drawn = svg.document(10, 10, hostile, [svg.text(0, 0, hostile), svg.box(0, 0, 1, 1, svg.RED, tip=hostile)])
    kinds = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawn).iter()]
    assert kinds == ["svg", "title", "rect", "text", "rect", "title"][: len(kinds)]
    assert not set(Slack.of(hostile)) & set("<>") and Slack.of(hostile).count("`") == 2
    said = Llm.of(hostile)
    assert (said[0], said[-1], said.count("«"), said.count("»")) == ("«", "»", 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_of_dagster_show_it_and_obey_nothing(name: str) -> None:
    """The row of the issue: a root span named as a picture whose address is a mutation."""
    here = Settings()  # pyright: ignore[reportCallIssue]
    worst = [{"TraceId": "a" * 32, "RootOperation": name, "duration_ms": 3.5}]
    found = node.metadata(StepReport(rows=1, metrics={}, tables={"worst": worst}), here)
    incident = {
        "Title": name, "Start": incidents.datetime(2026, 1, 1), "End": incidents.datetime(2026, 1, 1), "Open": True,
        "Anomalous": 1, "Traces": 2, "Operations": [name], "Causes": [name], "Confidence": [0.5], "Why": [name],
        "ReasonServices": [name], "Reasons": [name], "ReasonTraces": [1], "ExampleTraceIds": ["b" * 32],
    }  # fmt: skip
    for document in (found["worst_links"].md_str, incidents.page(incident, here)):
        links = [token.attrs["href"] for token in tokens(document) if token.type == "link_open"]
        assert len(links) == 1 and str(links[0]).startswith("http://127.0.0.1:8123/clickstack/search?")
        assert [what for what in harmful(document) if not what.startswith("link_open")] == []
    cell = found["worst"].records[0].data["RootOperation"]
    assert not [c for c in str(cell) if hides(c) and c not in "\n\t"]


@pytest.mark.parametrize("name", NAMES)
def test_the_demo_s_page_shows_it_and_obeys_nothing(name: str) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system=None, width=40_000, highlight=False)
    verdict = Verdict(
        "payment_timeout", "inventory", found=True, blamed=name, delay_s=1.0, incident="i", title=name, reasons=[name]
    )
    false = [{"IncidentId": "f", "Title": name}]
    page.show(console, Report(1, 1, Counts(1, 1, 1, 1, 1), [verdict], false, [1.0]), {}, [name])
    said = shown.getvalue()
    assert not [c for c in said if hides(c) and c not in "\n\t"]
    line = max(Terminal.of(name).splitlines() or [""], key=len).expandtabs().strip()
    assert "http" not in name or line[:60] in said  # markup would have eaten it


def test_unescaped_the_corpus_would_do_harm() -> None:
    assert sum(bool(harmful(f"- {name}")) for name in NAMES) > 15


def test_an_address_that_leads_elsewhere_is_no_link() -> None:
    assert Markdown.link("x", "javascript:alert(1)") == "`x`"
    assert MUTATION in NAMES
