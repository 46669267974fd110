"""What the names of metrics tell: words of the semantic conventions, of Prometheus and of JMX alike."""

import re

LIMIT = {"max", "maximum", "limit", "capacity", "quota"}
USED = {"count", "usage", "used", "current", "active", "open", "busy", "use", "size", "acquired", "leased"}
IDLE = {"idle", "free", "available", "unused"}
SHARE = {"utilization", "utilisation", "saturation"}
WAITING = {"pending", "queue", "queued", "waiting", "backlog", "lag", "inflight", "active"}
FAILING = ("error", "timeout", "timed", "fail", "reject", "drop", "refus", "retr", "throttl", "evict", "abort", "oom")


def words(metric: str) -> list[str]:
    """The words of a metric's name."""
    return [word for word in re.split(r"[._/ -]+", metric.lower()) if word]


def stem(metric: str, without: set[str]) -> tuple[str, ...]:
    """A metric's name without some words: use and limit of one thing have the same."""
    return tuple(word for word in words(metric) if word not in without)
