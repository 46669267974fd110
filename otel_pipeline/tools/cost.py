"""telemetry_cost: which templates, spans and metrics make the volume, which of them carry information."""

from typing import Any

from otel_pipeline.investigate.cost import cost
from otel_pipeline.tools.model import Context, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.untrusted import Ours

SHOWN, STEPS, EACH = 5, 2, 3
FIELDS = ("service", "text", "rows", "bytes", "share", "bits", "advice", "why", "rate")
OURS = ("advice", "words", "action")


def telemetry_cost(context: Context, asked: Windowed) -> dict[str, Any]:
    """Volume and information of a window, the largest first."""
    window = asked.window(context.now)
    found = cost(context.reader, window, limit=SHOWN)
    answer: dict[str, Any] = {"window": echo(window), "signals": found["signals"]}
    answer["recommendations"] = [
        {
            "service": one["service"],
            "rows_a_day": one["rows_a_day"],
            "bytes_a_day": one["bytes_a_day"],
            "steps": [
                {
                    "do": Ours(step["words"]),
                    "event": step["event"],
                    "bytes_a_day": step["bytes_a_day"],
                    "why": step["why"],
                }
                for step in one["steps"][:STEPS]
            ],
        }
        for one in found["recommendations"][:SHOWN]
    ]
    for name in ("logs", "spans", "metrics"):
        answer[name] = [
            {key: Ours(item[key]) if key in OURS else item[key] for key in FIELDS} for item in found[name][:EACH]
        ]
    answer["tail_sampling"] = found["tail_sampling"]
    if not any(signal["rows"] for signal in found["signals"]):
        answer["notes"] = [why(context, window, "telemetry")]
    return answer


TELEMETRY_COST = Tool(
    name="telemetry_cost",
    title="What telemetry costs",
    description=(
        "Which log templates, spans and metrics make the volume, how much information each carries (bits a visit, span"
        " or point), and advice by service: what to sample or drop, why, and the bytes saved a day."
    ),
    arguments=Windowed,
    output={
        "window": "object",
        "signals": "array",
        "recommendations": "array",
        "logs": "array",
        "spans": "array",
        "metrics": "array",
    },
    run=telemetry_cost,
)
