"""The same stories through ``otel-pipeline ask``: a scripted model behind an OpenAI-compatible endpoint calls tools.

The story is the model: what it asks next depends on what the tools really answered, and its last word cites their
traces.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any

import anyio

from benchmarks.scenarios.clients import Asker, Call
from benchmarks.scenarios.stage import Stage
from benchmarks.scenarios.story import Outcome, Scenario
from otel_pipeline.settings import REPOSITORY
from otel_pipeline.tools import budget
from tests.support.model_server import ModelServer, Say, Talk, last_answer

TIMEOUT = 120
COMMAND = ("-m", "otel_pipeline", "ask", "--json", "--quiet")


class Told(Asker):
    """Asks through a model: a call waits until the conversation brings its answer."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.says: queue.Queue[Say] = queue.Queue()
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What the tool answered the model; empty with ``error`` where it failed."""
        self.says.put(Say(calls=[(tool, arguments)]))
        answer = self.answers.get(timeout=TIMEOUT)
        self.calls.append(Call(tool, 0.0, budget.estimate(json.dumps(answer)), "error" in answer))
        return answer

    def step(self, talk: Talk) -> Say:
        """The model's next step in a conversation."""
        if talk[-1]["role"] == "tool":
            self.answers.put(last_answer(talk))
        return self.says.get(timeout=TIMEOUT)


def ask(tell: Scenario, stage: Stage, question: str) -> tuple[Outcome, list[Call]]:
    """Go through a story as a model would; what it ended with, and its calls."""
    told, outcomes = Told(), []

    def story() -> None:
        outcome = anyio.run(tell, told, stage)
        outcomes.append(outcome)
        cause = outcome.found.get("causes") or [{"service": "nobody"}]
        traces = " ".join(outcome.found.get("example_traces", [])[:2])
        told.says.put(Say(f"{outcome.found.get('verdict')}: {cause[0]['service']}; see {traces}"))

    thinking = threading.Thread(target=story, daemon=True)
    with ModelServer([told.step]) as server:
        environment = {**os.environ, **stage.settings.environment(), "ASK_TRACE": "false"}
        environment |= {"ASK_MODEL": "scripted", "ASK_BASE_URL": server.url, "ASK_PROVIDER": "openai"}
        thinking.start()
        done = subprocess.run(
            [sys.executable, *COMMAND, question],
            env=environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=2 * TIMEOUT,
            check=False,
        )
        thinking.join(TIMEOUT)
    if done.returncode or not outcomes:
        return Outcome(question, "", {}, wrong=[f"ask failed: {done.stderr.strip()[-300:]}"]), told.calls
    (outcome,) = outcomes
    answer = json.loads(done.stdout)
    if answer["model"] != "scripted" or len(answer["queries"]) != len(told.calls):
        outcome.wrong.append(f"the model's {len(told.calls)} calls were not all made: {answer['notes']}")
    if not answer["citations"] or not all(cited["verified"] for cited in answer["citations"]):
        outcome.wrong.append("the answer cites traces that no tool named, or none")
    if outcome.expected not in answer["answer"]:
        outcome.wrong.append(f"the answer does not name {outcome.expected}")
    return outcome, told.calls
