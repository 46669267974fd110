"""telemetry_cost: which templates, spans and metrics make the volume, which of them carry information."""

from typing import Any

from otel_pipeline.investigate.cost import cost
from otel_pipeline.tools.model import Context, Tool, Windowed
from otel_pipeline.tools.nothing import echo, why
from otel_pipeline.tools.untrusted import Ours

SHOWN = 5
FIELDS = ("service", "text", "rows", "bytes", "share", "bits", "advice", "why")


def telemetry_cost(context: Context, asked: Windowed) -> dict[str, Any]:
    """Volume and information of a window, the largest first."""
    window = asked.window(context.now)
    found = cost(context.reader, window, limit=SHOWN)
    answer: dict[str, Any] = {"window": echo(window), "signals": found["signals"]}
    for name in ("logs", "spans", "metrics"):
        answer[name] = [
            {key: Ours(item[key]) if key in ("advice", "why") else item[key] for key in FIELDS} for item in found[name]
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
        " or point), and advice: keep, sample or drop, with the reason and the share of bytes saved."
    ),
    arguments=Windowed,
    output={"window": "object", "signals": "array", "logs": "array", "spans": "array", "metrics": "array"},
    run=telemetry_cost,
)
