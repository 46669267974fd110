"""Values of metrics in words."""

from collections.abc import Mapping

SCALES = {"By": (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)), "s": (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))}
SHOWN_ATTRIBUTES = 3


def quantity(value: float, unit: str) -> str:
    """A value with its unit (UCUM), for people."""
    for name, scale in SCALES.get(unit, ()):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {name}"
    if unit in ("", "1") or unit.startswith("{"):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:.4g} {unit}"


def series_name(metric: str, attributes: Mapping[str, str]) -> str:
    """A metric with the values that tell its series apart."""
    shown = sorted(attributes.items())[:SHOWN_ATTRIBUTES]
    inside = ", ".join(f"{key.rsplit('.', 1)[-1]}={value[:40]}" for key, value in shown)
    return f"{metric}{{{inside}}}" if inside else metric
