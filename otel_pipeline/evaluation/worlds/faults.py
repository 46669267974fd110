"""Which faults a world has, when, where and how bad: each clear to a person who knows what to look at, none absurd."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from otel_pipeline.evaluation.worlds.latency import Latency, drawn
from otel_pipeline.evaluation.worlds.topology import CLIENT, INTERNAL, Operation, Service, Step, World

MINUTE = 60_000.0  # ms
QUIET = 12 * MINUTE
FEWEST = 40  # calls that a fault must meet, in the mean

KINDS = (
    "delay", "contention", "network delay", "early return", "exception", "exception with fallback", "retries",
    "lost cache", "slow database", "a tenth of the customers", "silence", "overload", "bad deploy", "wrong content",
    "queue wait",
)  # fmt: skip


@dataclass(eq=False)
class Fault:
    """A fault.

    :param kind: one of :data:`KINDS`. :param effect: what happens: the same, but for a tenth of the customers.
    :param operations: of the service, those that it concerns. :param step: the step that it concerns.
    :param share: of requests that it hits. :param size: milliseconds, or a factor.
    :param accept: services that may be blamed besides.
    """

    kind: str
    effect: str
    service: Service
    start: float = 0.0
    end: float = 0.0
    operations: frozenset[Operation] = frozenset()
    step: Step | None = None
    caller: Service | None = None
    share: float = 1.0
    size: float = 0.0
    variant: str = ""
    fallback: bool = False
    customers: frozenset[int] | None = None
    accept: tuple[str, ...] = ()
    latency: Latency | None = None
    steps: dict[Operation, list[Step]] = field(default_factory=dict)
    version: str = ""
    surge: float = 1.0
    error_type: str = ""

    def describe(self) -> dict[str, Any]:
        """What truth.json tells of it, besides times and service."""
        return {
            "effect": self.effect,
            "variant": self.variant,
            "operations": sorted(operation.name for operation in self.operations),
            "step": self.step.name if self.step else "",
            "share": round(self.share, 3),
            "size": round(self.size, 3),
            "accept": sorted({self.service.name, *self.accept}),
        }


@dataclass
class Usual:
    """What the system does when nothing is wrong, from a dry run.

    :param calls: per trace, of each operation. :param steps: per trace, of each step.
    :param total: median milliseconds of each operation, its callees' included.
    """

    calls: dict[Operation, float]
    steps: dict[Step, float]
    total: dict[Operation, float]


def usual(traces: int, calls: Counter[Operation], steps: Counter[Step], totals: dict[Operation, list[float]]) -> Usual:
    """From the counts of a dry run."""
    return Usual(
        {operation: count / traces for operation, count in calls.items()},
        {step: count / traces for step, count in steps.items()},
        {operation: median(values) for operation, values in totals.items()},
    )


class Drawer:
    """Draws faults for one world."""

    def __init__(self, world: World, known: Usual, rng: np.random.Generator) -> None:
        self.world, self.known, self.rng = world, known, rng
        self.used: Counter[Service] = Counter()
        self.callers: dict[Operation, list[tuple[Operation, Step]]] = defaultdict(list)
        for operation in world.operations:
            for step in operation.steps:
                if step.target:
                    self.callers[step.target].append((operation, step))
        self.roots = {root for root, _ in world.roots}

    def all(self) -> list[Fault]:
        """12 to 16 faults, their kinds as even as the world allows, in order of time."""
        wanted = int(self.rng.integers(12, 17))
        found: list[Fault] = []
        rounds = 0
        while len(found) < wanted and rounds < 6:
            for kind in self.rng.permutation(KINDS):
                fault = self._one(str(kind), self.rng.uniform(2, 4) * MINUTE) if len(found) < wanted else None
                if fault:
                    found.append(fault)
                    self.used[fault.service] += 1
            rounds += 1
        at = QUIET + self.rng.uniform(0.2, 2) * MINUTE
        order = self.rng.permutation(len(found))
        for fault in (found[i] for i in order):
            length, fault.end = fault.end, 0.0
            fault.start, fault.end = at, at + length
            at = fault.end + self.rng.uniform(2.5, 6) * MINUTE
        return [found[i] for i in order]

    def _one(self, kind: str, length: float) -> Fault | None:
        effect = kind
        if kind == "a tenth of the customers":
            effect = str(self.rng.choice(["delay", "exception", "early return", "slow database"]))
        drawer: dict[str, Callable[[float], Fault | None]] = {
            "delay": self._delay,
            "contention": self._contention,
            "network delay": self._network,
            "early return": self._early_return,
            "exception": self._exception,
            "exception with fallback": self._exception,
            "retries": self._retries,
            "lost cache": self._lost_cache,
            "slow database": self._slow_database,
            "silence": self._silence,
            "overload": self._overload,
            "bad deploy": self._bad_deploy,
            "wrong content": self._wrong_content,
            "queue wait": self._queue_wait,
        }
        minutes = length / MINUTE
        traces = minutes * self.world.rate * (0.25 if effect != kind else 1.0)  # of a tenth, 16 calls do
        fault = drawer[effect](traces) or drawer[effect](2.5 * traces)  # where all is rare, so is what a fault meets
        if fault is None:
            return None
        fault.kind, fault.effect, fault.end = kind, effect, length
        if effect == "exception":
            fault.fallback = False
        elif effect == "exception with fallback":
            fault.fallback = True
        if kind != effect:
            fault.customers, fault.share = self._tenth(), max(fault.share, 0.8)
        return fault

    def _tenth(self) -> frozenset[int]:
        """Customers that make about a tenth of the traffic: of some random draws the one that comes nearest."""
        best: tuple[float, frozenset[int]] = (1.0, frozenset())
        for _ in range(20):
            order = self.rng.permutation(len(self.world.customers))
            sums = np.cumsum(self.world.shares[order])
            count = int(np.argmin(np.abs(sums - 0.1))) + 1
            best = min(best, (abs(float(sums[count - 1]) - 0.1), frozenset(order[:count].tolist())), key=lambda x: x[0])
        return best[1]

    def _services(self, traces: float, least: float = FEWEST) -> Iterator[tuple[Service, list[Operation]]]:
        """Services that are called often enough, those that had no fault yet first; and their busy operations."""
        order = self.rng.permutation(len(self.world.services))
        services = sorted((self.world.services[i] for i in order), key=lambda s: self.used[s])
        for service in services:
            calls = {o: self.known.calls.get(o, 0.0) * traces for o in service.operations}
            if not service.loud and sum(calls.values()) >= least:
                yield service, [o for o, n in calls.items() if n >= min(least, sum(calls.values()) / len(calls))]

    def _some(self, operations: list[Operation], traces: float) -> frozenset[Operation]:
        """All operations of a service, or the one that is called most."""
        busiest = max(operations, key=lambda o: self.known.calls.get(o, 0.0))
        if self.rng.random() < 0.5 and self.known.calls[busiest] * traces >= FEWEST:
            return frozenset([busiest])
        return frozenset(operations)

    def _share(self, operations: frozenset[Operation], traces: float) -> float:
        """Everything, or a part that still meets enough."""
        calls = math.fsum(self.known.calls.get(o, 0.0) for o in operations) * traces
        if self.rng.random() < 0.5:
            return 1.0
        return float(max(self.rng.uniform(0.35, 0.9), min(1.0, FEWEST / calls)))

    def _base(self, operations: frozenset[Operation]) -> float:
        return max(self.known.total.get(o, 1.0) for o in operations)

    def _delay(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces):
            some = self._some(busy, traces)
            size = max(30.0, self.rng.uniform(2, 8) * self._base(some))
            return Fault("", "", service, operations=some, share=self._share(some, traces), size=min(size, 8000.0))
        return None

    def _contention(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces):
            if max(o.own.median for o in busy) >= 4:
                return Fault("", "", service, operations=frozenset(service.operations), size=self.rng.uniform(2.5, 5))
        return None

    def _waiting(self, service: Service) -> list[tuple[Operation, Step]]:
        """Calls of a service for which somebody waits."""
        return [
            (by, step)
            for o in service.operations
            for by, step in self.callers[o]
            if step.mode in ("wait", "parallel") and by.service is not service
        ]

    def _network(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces):
            steps = self._waiting(service)
            if sum(self.known.steps.get(step, 0.0) for _, step in steps) * traces < FEWEST:
                continue
            size = max(15.0, self.rng.uniform(0.7, 4) * self._base(frozenset(busy)))
            share = 1.0 if self.rng.random() < 0.5 else float(self.rng.uniform(0.5, 1))
            callers = tuple({by.service.name for by, _ in steps})
            return Fault(
                "", "", service, operations=frozenset(busy), share=share, size=min(size, 5000.0), accept=callers
            )
        return None

    def _early_return(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces):
            some = frozenset(o for o in busy if sum(step.probability for step in o.steps) >= 1)
            if math.fsum(self.known.calls.get(o, 0.0) for o in some) * traces >= FEWEST:
                share = self._share(some, traces)
                return Fault("", "", service, operations=some, share=share, size=self.rng.uniform(0.05, 0.4))
        return None

    def _exception(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces, 1.2 * FEWEST):
            some = self._some(busy, traces)
            calls = math.fsum(self.known.calls.get(o, 0.0) for o in some) * traces
            share = float(max(self.rng.uniform(0.35, 0.95), min(1.0, FEWEST / calls)))
            name = str(
                self.rng.choice(["NullPointerException", "KeyError", "TimeoutError", "StateError", "IllegalState"])
            )
            return Fault("", "", service, operations=some, share=share, error_type=name)
        return None

    def _steps(self, traces: float, wanted: Callable[[Operation, Step], bool]) -> Iterator[tuple[Operation, Step]]:
        for service, _ in self._services(traces, 0):
            found = [(o, step) for o in service.operations for step in o.steps if wanted(o, step)]
            if found:
                yield found[int(self.rng.integers(len(found)))]

    def _retries(self, traces: float) -> Fault | None:
        for by, step in self._steps(traces, lambda o, s: self._busy_call(s, traces)):
            variant = "failing" if self.rng.random() < 0.5 else "silent"
            share = 1.0 if self.rng.random() < 0.6 else float(self.rng.uniform(0.4, 0.9))
            size = float(self.rng.integers(3, 6))
            return Fault(
                "", "", by.service, operations=frozenset([by]), step=step, share=share, size=size, variant=variant
            )
        return None

    def _busy_call(self, step: Step, traces: float) -> bool:
        """Whether a step is a call that somebody waits for, often enough made."""
        return (
            step.target is not None
            and step.mode in ("wait", "parallel")
            and not step.target.service.loud
            and self.known.steps.get(step, 0.0) * traces >= FEWEST
        )

    def _lost_cache(self, traces: float) -> Fault | None:
        def wanted(operation: Operation, step: Step) -> bool:
            calls = self.known.calls.get(operation, 0.0) * traces
            seldom = step.probability <= 0.5 and calls * (1 - step.probability) >= FEWEST and step.mode == "wait"
            modes = (
                step.target is None and step.latency.has_modes and self.known.steps.get(step, 0.0) * traces >= FEWEST
            )
            return seldom or modes

        for by, step in self._steps(traces, wanted):
            variant = "always called" if step.probability <= 0.5 else "always slow"
            return Fault("", "", by.service, operations=frozenset([by]), step=step, variant=variant)
        return None

    def _slow_database(self, traces: float) -> Fault | None:
        for by, step in self._steps(
            traces,
            lambda o, s: s.target is None and s.kind == CLIENT and self.known.steps.get(s, 0.0) * traces >= FEWEST,
        ):
            factor = max(self.rng.uniform(4, 15), 15 / step.latency.median)
            return Fault("", "", by.service, operations=frozenset([by]), step=step, size=float(factor))
        return None

    def _silence(self, traces: float) -> Fault | None:
        if self.rng.random() < 0.4:
            for by, step in self._steps(traces, lambda o, s: self._busy_call(s, traces)):
                assert step.target
                accept = (step.target.service.name,)
                return Fault(
                    "", "", by.service, operations=frozenset([by]), step=step, variant="call gone", accept=accept
                )
        for service, busy in self._services(traces, 1.5 * FEWEST):
            steps = self._waiting(service)
            if not steps:
                several = len({root.service for root in self.roots}) > 1
                if several and any(o in self.roots for o in busy):
                    return Fault("", "", service, variant="no traffic", share=float(self.rng.choice([1.0, 0.9])))
                continue
            if sum(self.known.steps.get(step, 0.0) for _, step in steps) * traces < 1.5 * FEWEST:
                continue
            accept = tuple({by.service.name for by, _ in steps})
            share = float(self.rng.choice([1.0, 1.0, 0.9]))
            return Fault("", "", service, variant="not called", share=share, accept=accept)
        return None

    def _overload(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces, 1.5 * FEWEST):
            size = max(25.0, self.rng.uniform(1.5, 5) * self._base(frozenset(busy)))
            surge = float(self.rng.uniform(1.3, 2.2)) if self.rng.random() < 0.4 else 1.0
            some = frozenset(service.operations)
            return Fault("", "", service, operations=some, size=min(size, 5000.0), surge=surge)
        return None

    def _bad_deploy(self, traces: float) -> Fault | None:
        for service, busy in self._services(traces, 1.2 * FEWEST):
            variants = ["new step", "renamed"]
            if any(len(o.steps) > 0 for o in busy):
                variants.append("removed")
            variant = str(self.rng.choice(variants))
            some = frozenset(o for o in busy if o.steps) if variant == "removed" else frozenset(busy)
            if math.fsum(self.known.calls.get(o, 0.0) for o in some) * traces < FEWEST:
                continue
            fault = Fault("", "", service, operations=some, variant=variant, size=float(self.rng.uniform(0.05, 0.25)))
            fault.version = service.version.rsplit(".", 1)[0] + ".99"
            fault.error_type = "ValidationError"
            for operation in filter(some.__contains__, busy):  # in their order: sets have none
                steps = list(operation.steps)
                if variant == "new step":
                    name = f"{service.noun[0]}.{self.rng.choice(['precheck', 'audit', 'enrich'])}"
                    latency = drawn(self.rng, 2, max(4.0, self.known.total.get(operation, 4.0)))
                    steps.insert(int(self.rng.integers(len(steps) + 1)), Step(name, INTERNAL, latency))
                elif variant == "removed":
                    del steps[int(np.argmax([step.probability for step in steps]))]
                fault.steps[operation] = steps
            return fault
        return None

    def _wrong_content(self, traces: float) -> Fault | None:
        if not self.world.shows["logs"]:
            return None
        for service, busy in self._services(traces, 1.2 * FEWEST):
            some = frozenset(o for o in busy if any(line.probability == 1 for line in o.lines))
            if math.fsum(self.known.calls.get(o, 0.0) for o in some) * traces >= FEWEST:
                variant = str(self.rng.choice(["value", "new line", "line gone"]))
                return Fault(
                    "", "", service, operations=some, variant=variant, size=float(self.rng.choice([0, -1, 30, 100]))
                )
        return None

    def _queue_wait(self, traces: float) -> Fault | None:
        for by, step in self._steps(
            traces,
            lambda o, s: s.mode in ("queue", "link") and self.known.steps.get(s, 0.0) * traces >= FEWEST,
        ):
            assert step.target
            size = max(step.latency.median * self.rng.uniform(8, 40), 500.0)
            accept = (by.service.name,)
            return Fault("", "", step.target.service, step=step, size=min(float(size), 25_000.0), accept=accept)
        return None
