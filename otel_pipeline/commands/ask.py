"""``otel-pipeline ask``."""

import click

from otel_pipeline.commands.common import json_option, print_json, progress_console, say


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--model", help="Another model than ASK_MODEL.")
@click.option("--no-model", is_flag=True, help="Answer without a language model.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
@json_option
def command(*, question: tuple[str, ...], model: str | None, no_model: bool, quiet: bool, as_json: bool) -> None:
    """Answer QUESTION, in any language, by a language model that asks our read-only tools.

    Without a model (no ASK_MODEL, no key, endpoint away) the deterministic investigation answers: it understands times
    ("2026-01-31T08:15", "last 15 minutes"), names of services, trace ids, exceptions and quoted texts. What the model
    may cost is bounded by ASK_MAX_TOKENS, ASK_MAX_SECONDS, ASK_MAX_TOOL_CALLS and ASK_MAX_USD. Progress goes to
    standard error. Cited trace ids that no tool answered are marked.

    \b
    --json: {"question", "answer", "model", "provider", "citations": [{"trace_id", "verified"}],
             "queries": [{"tool", "arguments", "ok"}], "stopped": [text], "notes": [text],
             "usage": {"requests", "tool_calls", "input_tokens", "output_tokens", "usd", "seconds"},
             "conversation_id", "trace_id", "investigation"}
    model: null where none was used; then "investigation" is as `investigate --json` prints it.
    """
    from otel_pipeline.agent.ask import ask
    from otel_pipeline.embedding import Embedder
    from otel_pipeline.settings import load
    from otel_pipeline.tools.model import Context

    settings = load(**({"ask_model": model} if model else {}), **({"ask_model": ""} if no_model else {}))

    def progress(line: str) -> None:
        if not quiet:
            progress_console.print(f"· {line}", style="dim", soft_wrap=True)

    with Context(settings, embedder=Embedder(settings), asker="ask") as context:
        found = ask(context, " ".join(question), progress)
    if as_json:
        print_json(found.as_dict())
        return
    for note in found.notes:
        say(note)
    say(found.answer)
    if found.queries:
        click.echo("\nasked")
    for query in found.queries:
        arguments = query["arguments"]
        given = arguments if isinstance(arguments, str) else ", ".join(f"{k}={v!r}" for k, v in arguments.items())
        shown = given if isinstance(arguments, str) and not found.model else f"{query['tool']}({given})"
        say(f"  {shown[:300]}{'' if query['ok'] else '  (failed)'}")
    for stop in found.stopped:
        click.echo(f"stopped  {stop}")
