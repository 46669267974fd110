"""``make scenarios``: the three questions of the plan by the official MCP client and by ``ask``, judged by the ledger.

Ends with one JSON line. Exit status 0 when every cause is right, all evidence gave the same again, every answer costs
fewer than 2,000 tokens, the list of tools fewer than 6,000, and 95 of 100 calls take less than a second.
"""

import argparse
import json
import math
import os
import sys
from typing import Any

import anyio

from benchmarks.scenarios import asked, clients, page, stage, story
from otel_pipeline.demo import show
from otel_pipeline.errors import UserError

MOST_TOKENS, MOST_LIST_TOKENS, MOST_SECONDS = 2000, 6000, 1.0


def main(arguments: list[str]) -> int:
    """Run it all; the exit status."""
    parser = argparse.ArgumentParser(prog="scenarios", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="How often each is gone through, per transport")
    parser.add_argument("--users", type=int, default=20, help="Customers, when the faults have to be made")
    parser.add_argument("--fault-seconds", type=float, default=30, help="Length of each fault, likewise")
    options = parser.parse_args(arguments)
    plan = show.Plan(users=options.users, fault_s=options.fault_seconds)
    with stage.opened(plan, lambda line: print(line, file=sys.stderr, flush=True)) as opened:
        calls, offers, outcomes = anyio.run(_ask_all, opened, options.rounds)
        for number, told in enumerate(outcomes.values(), 1):
            print("\n".join(page.lines(number, told[0])), end="\n\n")
        models = [asked.ask(tell, opened, outcomes[name][0].question) for name, tell in story.STORIES.items()]
        print("\n".join(page.asked([outcome for outcome, _ in models])), end="\n\n")
    figures = _figures(calls, offers, outcomes, models)
    print(json.dumps(figures))
    return 0 if figures["passed"] else 1


async def _ask_all(
    opened: stage.Stage, rounds: int
) -> tuple[list[clients.Call], list[tuple[int, int]], dict[str, list[story.Outcome]]]:
    """All calls, what each transport offers (tools, tokens of their list), and what each scenario ended with."""
    calls: list[clients.Call] = []
    offers: list[tuple[int, int]] = []
    outcomes: dict[str, list[story.Outcome]] = {name: [] for name in story.STORIES}
    for transport in clients.TRANSPORTS:
        async with clients.connected(opened.settings, transport) as ask:
            offers.append(await ask.offer())
            for _ in range(rounds):
                for name, tell in story.STORIES.items():
                    outcomes[name].append(await tell(ask, opened))
            calls += ask.calls
    return calls, offers, outcomes


def _figures(
    calls: list[clients.Call],
    offers: list[tuple[int, int]],
    outcomes: dict[str, list[story.Outcome]],
    models: list[tuple[story.Outcome, list[clients.Call]]],
) -> dict[str, Any]:
    """The JSON line. Tokens are estimated on the safe side (otel_pipeline.tools.budget)."""
    seconds = sorted(call.seconds for call in calls)
    right = {name: sum(outcome.right for outcome in told) for name, told in outcomes.items()}
    figures: dict[str, Any] = {
        "right": right,
        "runs_each": len(next(iter(outcomes.values()))),
        "asked_right": sum(outcome.right for outcome, _ in models),
        "evidence_checked": sum(outcome.checked for told in outcomes.values() for outcome in told),
        "tools": offers[0][0],
        "tools_list_tokens": max(tokens for _, tokens in offers),
        "largest_answer_tokens": max(call.tokens for call in (*calls, *(c for _, made in models for c in made))),
        "calls": len(calls),
        "failed_calls": sum(call.failed for call in calls),
        "p50_s": round(seconds[len(seconds) // 2], 3),
        "p95_s": round(seconds[math.ceil(0.95 * len(seconds)) - 1], 3),
        "load_average": round(os.getloadavg()[0], 1),
    }
    passed = (
        all(outcome.right for told in outcomes.values() for outcome in told)
        and all(outcome.right for outcome, _ in models)
        and not figures["failed_calls"]
        and figures["largest_answer_tokens"] < MOST_TOKENS
        and figures["tools_list_tokens"] < MOST_LIST_TOKENS
        and figures["p95_s"] < MOST_SECONDS
    )
    return {**figures, "passed": passed}


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        print(f"scenarios: {error}", file=sys.stderr)
        sys.exit(1)
