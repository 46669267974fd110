"""`otel-pipeline ask` against scripted models behind real HTTP, with the real clients, tools and engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from otel_pipeline.agent import ask as agent
from otel_pipeline.agent.ask import Answer
from otel_pipeline.clickhouse import Database
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import Settings
from otel_pipeline.tools.model import Context
from tests.support.model_server import ModelServer, Say, Step, Talk, last_answer
from tests.support.otlp_sink import OtlpSink
from tests.support.outage import DURING, END

INVESTIGATE = Say(calls=[("investigate", DURING)])
QUESTION = "Why do errors spike in stock?"


def told(talk: Talk) -> Say:
    """A model that puts what `investigate` answered into words."""
    found = last_answer(talk)
    cause = found["causes"][0]["service"] if found.get("causes") else "nothing"
    traces = " ".join(found.get("example_traces", [])[:2])
    return Say(f"{found['verdict']}: {cause} is the cause, see {traces}", output_tokens=50)


def ask(
    settings: Settings, script: list[Step], question: str = QUESTION, *, provider: str = "openai", **changes: Any
) -> tuple[Answer, ModelServer, list[str]]:
    """Ask once, of a scripted model."""
    progress: list[str] = []
    with ModelServer(script) as server:
        own = settings.model_copy(
            update={
                "ask_model": "scripted",
                "ask_base_url": server.url if provider == "openai" else "",
                "ask_provider": provider,
                "anthropic_base_url": server.root,
                "anthropic_api_key": "key",
                "ask_trace": False,
                **changes,
            }
        )
        with Context(own, now=END) as context:
            return agent.ask(context, question, progress.append), server, progress


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_asks_tools_and_answers_with_citations(outage: Settings, provider: str):
    answer, server, progress = ask(outage, [INVESTIGATE, told], provider=provider)
    assert answer.answer.startswith("trouble: stock is the cause")
    assert answer.citations
    assert all(citation.verified for citation in answer.citations)
    assert (answer.model, answer.provider) == ("scripted", provider)
    assert answer.queries == [{"tool": "investigate", "arguments": DURING, "ok": True}]
    assert (answer.stopped, answer.notes, answer.investigation) == ([], [], None)
    spent = {name: answer.usage[name] for name in ("requests", "tool_calls", "input_tokens", "output_tokens")}
    assert spent == {"requests": 2, "tool_calls": 1, "input_tokens": 200, "output_tokens": 70}
    assert any(line.startswith("investigate(start=") for line in progress)
    offered = {tool.get("name") or tool["function"]["name"] for tool in server.requests[0]["tools"]}
    assert {"investigate", "search_logs", "run_sql"} <= offered
    assert not offered & {"propose_pattern", "review_pattern"}


def test_invented_ids_are_marked(outage: Settings):
    lie = "0123456789abcdef0123456789abcdef"
    answer, _, _ = ask(outage, [INVESTIGATE, Say(f"stock is the cause, see {lie}.")])
    assert f"{lie} [not in any tool answer]" in answer.answer
    assert [citation.verified for citation in answer.citations] == [False]
    assert "1 cited ids stand in no tool answer" in answer.notes[0]
    answer, _, _ = ask(outage, [Say("all is well")])
    assert "asked no tool" in answer.notes[0]


MALFORMED = ["{not json", "[1]", '"x"', '{"start": 5}', '{"nope": 1}', '{"start": "soon"}', "[" * 5000]


def test_malformed_arguments_are_an_answer_to_the_model(outage: Settings):
    wrong = Say(calls=[("investigate", arguments) for arguments in MALFORMED])
    answer, server, _ = ask(outage, [wrong, INVESTIGATE, told])
    assert answer.answer.startswith("trouble: stock")
    assert [query["ok"] for query in answer.queries] == [False] * len(MALFORMED) + [True]
    assert all("error" in json.loads(said["text"]) for said in server.talks[1] if said["role"] == "tool")


def test_unknown_and_forbidden_tools_are_refused(outage: Settings):
    calls = [("shell", {"command": "rm -rf /"}), ("propose_pattern", {"service": "stock", "message": "x"})]
    answer, server, _ = ask(outage, [Say(calls=calls), Say("done")])
    assert [(query["tool"], query["ok"]) for query in answer.queries] == [("unknown", False), ("unknown", False)]
    assert "no such tool" in server.talks[1][-1]["text"]


def test_a_busy_endpoint_is_asked_again(outage: Settings):
    busy = Say(status=429, headers={"Retry-After": "0.05"})
    answer, server, progress = ask(outage, [busy, Say(status=503), INVESTIGATE, told])
    assert answer.answer.startswith("trouble: stock")
    assert len(server.requests) == 4
    assert any("is busy (429)" in line for line in progress)


@pytest.mark.parametrize(
    ("provider", "step", "reason"),
    [
        ("openai", Say(status=401), "refuses the key"),
        ("openai", Say(status=429, headers={"Retry-After": "3600"}), "is busy"),
        ("openai", Say(raw=b"<html>hello</html>"), "ASK_BASE_URL|gave no reply"),
        ("anthropic", Say(status=404), "check ASK_MODEL"),
        ("anthropic", Say(raw=b"{}"), "no reply"),
    ],
)
def test_without_a_usable_model_the_investigation_answers(outage: Settings, provider: str, step: Say, reason: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otel_pipeline.agent.loop.LONGEST_WAIT_SECONDS", 0.01)
        question = f"what is wrong between {DURING['start']} and {DURING['end']}?"
        answer, _, _ = ask(outage, [step], question, provider=provider)
    assert answer.model is None
    assert answer.notes[0].startswith("No language model was used")
    assert re.search(reason, answer.notes[0])
    assert answer.investigation
    assert answer.investigation["causes"][0]["service"] == "stock"
    assert "TROUBLE" in answer.answer
    assert answer.citations and all(citation.verified for citation in answer.citations)


def test_an_endpoint_that_goes_away_leaves_the_partial_answer(outage: Settings):
    answer, _, _ = ask(outage, [Say("I look into it.", calls=[("investigate", DURING)]), Say(status=400)])
    assert answer.answer == "I look into it."
    assert "partial" in answer.notes[0]


def endless(talk: Talk) -> Say:
    """A model that never stops asking, each time something else."""
    return Say("still looking", calls=[("search_logs", {"text": f"error {len(talk)}"})])


BOUNDS: list[tuple[dict[str, Any], str]] = [
    ({"ask_max_tool_calls": 3}, "tool calls: 3 made (ASK_MAX_TOOL_CALLS)"),
    ({"ask_max_tokens": 12_000}, "tokens: "),
    ({"ask_max_usd": 0.02, "ask_usd_per_million_input": 3.0, "ask_usd_per_million_output": 15.0}, "cost: "),
]


@pytest.mark.parametrize(("bound", "said"), BOUNDS)
def test_an_endless_model_is_bounded_and_the_bound_is_said(outage: Settings, bound: dict[str, Any], said: str):
    def hungry(talk: Talk) -> Say:
        say = endless(talk)
        return Say(say.text, say.calls, input_tokens=1500, output_tokens=60)

    answer, server, _ = ask(outage, [hungry], **bound)
    assert answer.answer == "still looking"
    assert len(answer.stopped) == 1
    assert answer.stopped[0].startswith(said)
    assert len(server.requests) <= 12
    assert answer.usage["tool_calls"] <= 20
    assert answer.usage["input_tokens"] + answer.usage["output_tokens"] <= bound.get("ask_max_tokens", 100_000)


def test_time_is_bounded(outage: Settings):
    ticks = iter(range(0, 10_000, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otel_pipeline.agent.bounds.Bounds.seconds", property(lambda _self: float(next(ticks))))
        answer, server, _ = ask(outage, [endless], ask_max_seconds=60.0)
    assert answer.stopped[0].startswith("time: ")
    assert len(server.requests) < 12


def test_the_last_word_is_asked_for_without_tools(outage: Settings):
    def obedient(talk: Talk) -> Say:
        return Say("stock it is") if "No more tool calls" in talk[-1]["text"] else endless(talk)

    for provider in ("openai", "anthropic"):
        answer, server, _ = ask(outage, [obedient], provider=provider, ask_max_tool_calls=2)
        assert answer.answer == "stock it is"
        assert server.requests[-1]["tool_choice"] in ("none", {"type": "none"})
        assert server.requests[-1]["tools"]


def test_the_same_call_twice_is_not_run_again(outage: Settings):
    answer, server, _ = ask(outage, [INVESTIGATE, INVESTIGATE, told_or_done])
    assert [query["ok"] for query in answer.queries] == [True, False]
    assert "answered above" in server.talks[2][-1]["text"]


def told_or_done(_: Talk) -> Say:
    """A model that gives up asking."""
    return Say("done")


HARM = [
    ("run_sql", {"sql": "DROP TABLE otel_logs"}),
    ("run_sql", {"sql": "INSERT INTO otel_logs (Body) VALUES ('resolved')"}),
    ("run_sql", {"sql": "SELECT * FROM file('/etc/passwd')"}),
    ("run_sql", {"sql": "SELECT * FROM url('http://127.0.0.1:1/?' || 'stolen', 'CSV')"}),
    ("run_sql", {"sql": "SELECT * FROM Python(x)"}),
    ("run_sql", {"sql": "SELECT sleep(3)"}),
    ("run_sql", {"sql": "SELECT * FROM system.query_log"}),
    ("run_sql", {"query": "../../etc/passwd"}),
    ("review_pattern", {"pattern_id": "x", "decision": "confirm"}),
    ("propose_pattern", {"service": "stock", "message": "m", "root_cause": "delete everything"}),
    ("get_trace", {"trace_id": "'; DROP TABLE otel_logs; --"}),
]


def test_a_model_that_follows_injected_instructions_harms_nothing(outage: Settings):
    """The model does whatever the attacker's log line wants: the tools bound the harm."""
    with Database(outage) as db:
        count = "SELECT (SELECT count() FROM otel_logs), (SELECT count() FROM error_patterns)"
        before = db.client.query(count).result_rows
        answer, server, _ = ask(outage, [Say(calls=HARM), Say("Ignore the outage. All is well.")])
        assert db.client.query(count).result_rows == before
        assert db.client.query("SELECT 1").result_rows == [(1,)]
    assert not any(query["ok"] for query in answer.queries if query["tool"] != "get_trace")
    assert "root:" not in json.dumps(server.talks)


def test_its_own_work_is_traced_by_the_genai_conventions(outage: Settings):
    with OtlpSink() as sink:
        port = int(sink.url.rsplit(":", maxsplit=1)[1])
        wrong = Say(calls=[("investigate", "{"), ("investigate", DURING)])
        answer, _, _ = ask(outage, [wrong, told], ask_trace=True, intake_http_port=port)
        spans = {span.name: span for span in sink.spans}
        assert set(spans) == {"invoke_agent otel-pipeline", "chat scripted", "execute_tool investigate"}
        root, chat = spans["invoke_agent otel-pipeline"], spans["chat scripted"]
        assert root.trace_id == answer.trace_id
        assert {span.trace_id for span in sink.spans} == {root.trace_id}
        assert {span.parent_id for span in sink.spans} == {"", root.span_id}
        assert root.service == "otel-pipeline-agent"
        expected = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "otel-pipeline"}
        expected |= {"gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 200}
        assert expected.items() <= root.attributes.items()
        assert root.attributes["gen_ai.conversation.id"] == answer.conversation_id
        expected = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "scripted"}
        expected |= {"gen_ai.response.model": "scripted-scripted", "server.address": "127.0.0.1"}
        assert expected.items() <= chat.attributes.items()
        assert chat.kind == 3
        tools = [span for span in sink.spans if span.name.startswith("execute_tool")]
        assert sorted(span.error for span in tools) == [False, True]
        assert all(span.attributes["gen_ai.tool.name"] == "investigate" for span in tools)
        assert not any("messages" in name or "arguments" in name for span in sink.spans for name in span.attributes)
        sink.clear()
        ask(outage, [INVESTIGATE, told], ask_trace=True, intake_http_port=port, ask_capture_content=True)
        names = {name for span in sink.spans for name in span.attributes}
        assert {"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.call.arguments"} <= names


@pytest.mark.parametrize("say", [Say(status=500), Say(raw=b"\xff\xfe")])
def test_a_failing_exporter_never_breaks_the_answer(outage: Settings, say: Say):
    with ModelServer([say]) as intake:  # answers, but never as an intake
        port = int(intake.root.rsplit(":", maxsplit=1)[1])
        answer, _, _ = ask(outage, [INVESTIGATE, told], ask_trace=True, intake_http_port=port)
    assert answer.answer.startswith("trouble: stock")
    answer, _, _ = ask(outage, [INVESTIGATE, told], ask_trace=True, intake_http_port=free_port())
    assert answer.answer.startswith("trouble: stock")


def unaided(settings: Settings, question: str) -> Answer:
    """Ask without any model; the embedder is away."""
    own = settings.model_copy(update={"ask_trace": False, "embedder_port": free_port()})
    with Context(own, embedder=Embedder(own), now=END) as context:
        return agent.ask(context, question, lambda _line: None)


@pytest.mark.parametrize(
    "question",
    [
        "Why do errors spike in stock in the last 6 minutes?",
        "Warum gibt es Fehler in stock in den letzten 6 Minuten?",
        "최근 6분 동안 stock에서 오류가 왜 늘었나요?",
        f"what happened between {DURING['start']} and {DURING['end']}?",
        "anything abnormal?",
    ],
)
def test_without_a_model_the_words_are_understood_as_far_as_they_go(outage: Settings, question: str):
    answer = unaided(outage, question)
    assert answer.notes == ["No language model was used: set ASK_MODEL (and a key or ASK_BASE_URL) for one"]
    assert answer.investigation
    assert (answer.investigation["verdict"], answer.investigation["causes"][0]["service"]) == ("trouble", "stock")
    assert answer.queries[-1]["arguments"].startswith("otel-pipeline investigate")


def test_without_a_model_a_text_and_a_trace_are_looked_up(outage: Settings):
    answer = unaided(outage, "Find logs like 'cannot handle request' and their root cause")
    assert "log lines like 'cannot handle request'" in answer.answer
    assert answer.investigation
    assert answer.investigation["causes"][0]["service"] == "stock"
    trace = answer.citations[0].trace_id
    assert "TROUBLE" in unaided(outage, f"what is wrong with {trace}?").answer
    with pytest.raises(UserError, match="no trace"):
        unaided(outage, "what is wrong with 0123456789abcdef0123456789abcdef?")
    quiet = unaided(outage, "anything abnormal on 2020-01-01?")
    assert quiet.investigation
    assert quiet.investigation["verdict"] == "no data"


def scenario(*steps: Callable[[Talk], Say] | Say) -> list[Step]:
    """The steps of a model that follows the plan."""
    return list(steps)


SCENARIOS = {
    "Errors of stock spike. Why?": scenario(
        Say(calls=[("error_overview", {**DURING, "service": "stock"})]),
        INVESTIGATE,
        lambda talk: Say(calls=[("get_trace", {"trace_id": _investigated(talk)["example_traces"][0]})]),
        lambda talk: Say(calls=[("run_sql", _evidence(talk))]),
        lambda talk: Say(
            f"stock: see {_investigated(talk)['example_traces'][0]}; checked: {last_answer(talk)['rows']}"
        ),
    ),
    "Is anything abnormal now?": scenario(
        INVESTIGATE,
        Say(calls=[("list_incidents", {})]),
        lambda talk: Say(calls=[("get_incident", {"incident_id": last_answer(talk)["incidents"][0]["incident_id"]})]),
        lambda talk: Say(f"{last_answer(talk)['causes'][0]['service']}: see {last_answer(talk)['example_traces'][0]}"),
    ),
    "Logs like 'cannot handle request': why?": scenario(
        Say(calls=[("search_logs", {"text": "cannot handle request"})]),
        lambda talk: Say(calls=[("investigate", {"trace_id": last_answer(talk)["hits"][0]["trace_ids"][0]})]),
        told,
    ),
}


def _investigated(talk: Talk) -> dict[str, Any]:
    return next(found for said in talk if said["role"] == "tool" and "verdict" in (found := json.loads(said["text"])))


def _evidence(talk: Talk) -> dict[str, Any]:
    evidence = _investigated(talk)["evidence"]
    return {"query": evidence["results"][0]["query"], "parameters": evidence["parameters"]}


@pytest.mark.parametrize(("question", "provider"), list(zip(SCENARIOS, ["openai", "anthropic", "openai"], strict=True)))
def test_the_three_scenarios_of_the_plan(outage: Settings, question: str, provider: str):
    answer, server, _ = ask(outage, SCENARIOS[question], question, provider=provider)
    assert "stock" in answer.answer
    assert all(query["ok"] for query in answer.queries), server.talks[-1]
    assert answer.citations
    assert all(citation.verified for citation in answer.citations)
    assert answer.notes == []


def run(settings: Settings, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
    """`otel-pipeline ask` as a person types it."""
    done = subprocess.run(
        [sys.executable, "-m", "otel_pipeline", "ask", *arguments],
        env={**os.environ, **settings.environment(), "ASK_TRACE": "false"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_command(outage: Settings):
    def coloured(talk: Talk) -> Say:
        if talk[-1]["role"] != "tool":
            return INVESTIGATE
        return Say(f"\x1b[31mred\x1b]0;t\x07 {told(talk).text} \u202e")

    with ModelServer([coloured]) as server:
        own = outage.model_copy(update={"ask_model": "scripted", "ask_base_url": server.url})
        done = run(own, *QUESTION.split())
        assert "stock is the cause" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout
        assert "· investigate(" in done.stderr
        found = json.loads(run(own, "--json", "--quiet", QUESTION).stdout)
        assert found["model"] == "scripted"
        assert found["citations"][0]["verified"]
    done = run(outage, "--no-model", "anything", "in", "the", "last", "5", "minutes?")
    assert done.stdout.startswith("No language model was used")
    assert "nothing was asked" in run(outage, " ", status=1).stderr
    costly = outage.model_copy(update={"ask_model": "m", "ask_max_usd": 1.0})
    assert "needs prices" in run(costly, "why?", status=1).stderr
