"""A made-up system of any shape for tests: endpoints that call services in turn, with pods, tags, lines and troubles.

Deterministic: the same arguments give the same rows. A trouble is a function of a request and of one of its calls.

    visit = Call("visits", "POST /visit", 8, (Call("rooms", "GET /room", 4),))
    System([Endpoint(visit, 5)]).run(START, 600, trouble)  # five requests a second, ten minutes
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.traffic import Traffic, span


@dataclass(frozen=True)
class Call:
    """An operation of a service, and what it calls, one after the other.

    :param ms: median of its own work. :param inner: an internal step rather than a service that is entered.
    :param says: its log line; ``{n}`` is a number that varies.
    """

    service: str
    operation: str
    ms: float
    calls: tuple["Call", ...] = ()
    inner: bool = False
    says: str = ""


@dataclass(frozen=True)
class Endpoint:
    """What people ask for, and how often.

    :param tags: values of attributes of the root span, chosen by chance.
    :param inner_tags: the same, of the last call's span: a service far from the root.
    """

    call: Call
    per_second: float
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    inner_tags: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request. :param second: from the start. :param pods: of each service the pod that serves it."""

    endpoint: Endpoint
    second: float
    tags: Mapping[str, str]
    pods: Mapping[str, str]
    rng: random.Random


@dataclass(frozen=True)
class Effect:
    """What goes wrong in one call.

    :param ms: more of its own work. :param error: type; the call fails, and so do its callers. :param message: of it.
    :param line: an error line. :param again: times that its caller repeats it. :param skip: it calls nobody.
    """

    ms: float = 0.0
    error: str = ""
    message: str = ""
    line: str = ""
    again: int = 0
    skip: bool = False


Trouble = Callable[[Request, Call], Effect | None]


@dataclass
class System:
    """Endpoints, and how many pods each service has."""

    endpoints: Sequence[Endpoint]
    pods: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1
    versions: Callable[[str, float], str] = lambda service, second: "1.0"

    def run(self, start: datetime, seconds: float, *troubles: Trouble) -> Traffic:
        """Traffic from ``start`` on."""
        traffic, rng = Traffic(), random.Random(self.seed)
        for which, endpoint in enumerate(self.endpoints):
            for number in range(int(seconds * endpoint.per_second)):
                second = (number + rng.random()) / endpoint.per_second
                request = Request(
                    endpoint,
                    second,
                    {key: rng.choice(values) for key, values in (*endpoint.tags.items(), *endpoint.inner_tags.items())},
                    {service: f"{service}-{rng.randrange(count):02d}" for service, count in self.pods.items()},
                    rng,
                )
                trace = f"{self.seed:08x}{which:04x}{number:020x}"
                at = start + timedelta(seconds=second)
                _Trace(self, traffic, trace, request, troubles).add(endpoint.call, "", at)
        return traffic


class _Trace:
    def __init__(
        self, system: System, traffic: Traffic, trace: str, request: Request, troubles: Sequence[Trouble]
    ) -> None:
        self.system, self.traffic, self.trace, self.request, self.troubles = system, traffic, trace, request, troubles
        self.spans = 0

    def add(self, call: Call, parent: str, at: datetime) -> tuple[float, str]:
        """Add a call with all below it; its duration in milliseconds, and the error that it ends with."""
        self.spans += 1
        request, name = self.request, f"{self.trace[8:12]}{self.trace[-8:]}{self.spans:04x}"
        effects = [effect for trouble in self.troubles if (effect := trouble(request, call))]
        own = call.ms * request.rng.lognormvariate(0, 0.25) + sum(effect.ms for effect in effects)
        spent, error = own / 2, next((effect.error for effect in effects if effect.error), "")
        message = next((effect.message for effect in effects if effect.message), error)
        for below in () if any(effect.skip for effect in effects) else call.calls:
            for attempt in range(5):
                begin = at + timedelta(milliseconds=spent)
                client = f"{name}c{attempt}{call.calls.index(below)}"
                ms, failed = self.add(below, name if below.inner else client, begin + timedelta(milliseconds=0.5))
                if not below.inner:
                    self._span(
                        client, name, begin, ms + 1, call.service, f"{below.operation}", "Client", failed and "upstream"
                    )
                    ms += 1
                spent += ms
                wanted = [e.again for t in self.troubles if (e := t(request, below)) and e.again]
                if not failed or attempt >= max(wanted, default=0):
                    break
            if failed and not error:
                error, message = ("" if below.inner else "UpstreamError"), f"{below.service} failed"
                error = error or failed
        spent += own / 2
        kind = "Internal" if call.inner else "Server"
        tags = request.endpoint.tags if not parent else request.endpoint.inner_tags if not call.calls else {}
        attributes = {key: request.tags[key] for key in tags}
        if error:
            attributes["error.type"] = error
        self._span(name, parent, at, spent, call.service, call.operation, kind, message if error else "", attributes)
        if call.says:
            self._line(name, at, call.service, call.says.replace("{n}", str(request.rng.randrange(10**6))), 9)
        for effect in effects:
            if effect.line:
                self._line(name, at, call.service, effect.line, 17)
        return spent, error

    def _span(  # noqa: PLR0917
        self,
        name: str,
        parent: str,
        at: datetime,
        ms: float,
        service: str,
        operation: str,
        kind: str,
        error: str,
        attributes: dict[str, str] | None = None,
    ) -> None:
        known = {"trace": self.trace, "name": name, "parent": parent, "start": at, "ms": ms, "service": service}
        span(self.traffic, **known, operation=operation, kind=kind, error=error, attributes=attributes or {"peer": "x"})
        pod = self.request.pods.get(service)
        self.traffic.spans[-1][11] = {
            "service.version": self.system.versions(service, self.request.second),
            **({"k8s.pod.name": pod} if pod else {}),
        }

    def _line(self, name: str, at: datetime, service: str, body: str, number: int) -> None:
        severity = {9: "INFO", 13: "WARN", 17: "ERROR"}[number]
        self.traffic.lines.append([at, self.trace, name, severity, number, service, body])


def lone_line(traffic: Traffic, at: datetime, service: str, body: str, severity: str = "INFO") -> None:
    """A log line that belongs to no trace."""
    number = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}[severity]
    traffic.lines.append([at, "", "", severity, number, service, body])
