"""The run of a world: requests, jobs and what follows from them, span by span, with the faults in force."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from otel_pipeline.evaluation.worlds.faults import Fault
from otel_pipeline.evaluation.worlds.latency import stream
from otel_pipeline.evaluation.worlds.topology import (
    CONSUMER,
    INTERNAL,
    SERVER,
    Line,
    Operation,
    Service,
    Step,
    World,
)

OK, ERROR = 1, 2
DEEPEST = 12
MATERIAL = 0.25  # of what the service takes anyway; less is neither faulty nor normal
Attributes = tuple[tuple[str, str], ...]


class Trace:
    """A trace in the making.

    :param altered: whether the fault changed what happened; :param slightly: changed it by too little to judge.
    """

    __slots__ = ("altered", "begin", "customer", "fault", "index", "slightly")

    def __init__(self, index: int, begin: float, customer: int, fault: Fault | None) -> None:
        self.index, self.begin, self.customer, self.fault = index, begin, customer, fault
        self.altered = self.slightly = False


@dataclass(slots=True)
class Plan:
    """What a call will do.

    :param now: when its work begins. :param own: its own work, ms. :param stop: the step before which it ends.
    :param error: what it fails with; empty: it does not.
    """

    now: float
    own: float
    steps: list[Step]
    stop: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a fault changes of a step.

    :param gone: it would happen, and does not. :param always: it happens whether or not it would.
    :param times: how often a call is made. :param factor: of its usual time. :param slow: it takes its slow mode.
    """

    gone: bool = False
    probability: float | None = None
    always: bool = False
    times: int = 1
    factor: float = 1.0
    slow: bool = False


USUAL = Change()


class Run:
    """Everything that happened: spans as columns, log lines as rows, traces. Times in ms since the beginning."""

    def __init__(self, world: World, faults: Sequence[Fault], rng: np.random.Generator) -> None:
        self.world, self.faults = world, faults
        self.random = stream(rng.random)
        self.exponential = stream(rng.standard_exponential)
        self.traces: list[Trace] = []
        self.trace: list[int] = []
        self.parent: list[int] = []
        self.service: list[Service] = []
        self.name: list[str] = []
        self.kind: list[int] = []
        self.start: list[float] = []
        self.end: list[float] = []
        self.status: list[int] = []
        self.attributes: list[Attributes] = []
        self.instance: list[int] = []
        self.version: list[str] = []
        self.size: list[int] = []
        self.link: dict[int, int] = {}
        self.errors: dict[int, tuple[str, str]] = {}
        self.lines: list[tuple[float, int, Service, str, str]] = []
        self.calls: Counter[Operation] = Counter()
        self.steps: Counter[Step] = Counter()
        self.totals: dict[Operation, list[float]] = defaultdict(list)
        self._depth = 0
        self._next = 0

    def request(self, operation: Operation, at: float, customer: int) -> None:
        """A trace from its root on."""
        self.serve(operation, at, -1, self._trace(at, customer))

    def _trace(self, at: float, customer: int) -> Trace:
        while self._next < len(self.faults) and self.faults[self._next].end <= at:
            self._next += 1
        fault = None
        # children of a trace may begin up to a minute after it; faults are further apart
        for candidate in self.faults[self._next : self._next + 1]:
            if candidate.start < at + 60_000:
                fault = candidate
        if fault and fault.customers is not None and customer not in fault.customers:
            fault = None
        trace = Trace(len(self.traces), at, customer, fault)
        self.traces.append(trace)
        return trace

    def _open(
        self, trace: Trace, parent: int, service: Service, *, name: str, kind: int, at: float, attributes: Attributes
    ) -> int:
        self.trace.append(trace.index)
        self.parent.append(parent)
        self.service.append(service)
        self.name.append(name)
        self.kind.append(kind)
        self.start.append(at)
        self.end.append(at)
        self.status.append(0)
        self.attributes.append(attributes)
        deploy = service.deploy
        self.version.append(deploy[1] if deploy and at >= deploy[0] else service.version)
        self.size.append(-1)
        self.instance.append(int(self.random() * len(service.instances)))
        return len(self.start) - 1

    def serve(self, operation: Operation, at: float, parent: int, trace: Trace) -> tuple[float, bool]:
        """A call, on the side of who is called: when it ends, and whether it failed."""
        service, steps, own = operation.service, operation.steps, operation.own.next()
        fault = trace.fault
        hit = (
            fault is not None
            and fault.service is service
            and fault.start <= at < fault.end
            and operation in fault.operations
            and (fault.share == 1 or self.random() < fault.share)
        )
        kind, attributes = operation.kind, operation.attributes
        span = self._open(trace, parent, service, name=operation.name, kind=kind, at=at, attributes=attributes)
        self.calls[operation] += 1
        if service.names_with_ids:
            self.name[span] = f"{operation.name} {int(self.random() * 1e5)}"
        if service.noise:
            own *= next((factor for a, b, factor in service.noise if a <= at < b), 1.0)
        plan = Plan(at, own, steps, len(steps))
        if operation.error_rate and self.random() < operation.error_rate:
            plan.stop, plan.error = int(self.random() * (len(steps) + 1)), "UpstreamError"
        if hit:
            assert fault
            self._inside(fault, operation, span, trace, plan)
        now, own, steps, error = plan.now, plan.own, plan.steps, plan.error
        failed = bool(error)
        part = own / (len(steps) + 1)
        now += part
        instance = self.instance[span]
        begin, group = now, 0
        self._depth += 1
        for step in steps[: plan.stop] if self._depth < DEEPEST else ():
            if not step.group or step.group != group:
                begin, group = now, step.group
            end, broke = self._step(step, begin, span, operation, trace, instance=instance)
            now = max(now, end)
            if broke:
                failed = True
                break
            now += 0.0 if step.group else part
        self._depth -= 1
        if failed:
            self.status[span] = ERROR
            if error:
                self.errors[span] = (error, f"{error}: {service.noun[0]} could not be handled")
        self.end[span] = now
        self.totals[operation].append(now - at)
        if operation.size:
            self.size[span] = int(operation.size.next() * (0.05 if failed else 1))
        if self.world.shows["logs"]:
            self._say(operation, span, now, error, fault if hit else None)
        return now, failed

    def _inside(self, fault: Fault, operation: Operation, span: int, trace: Trace, plan: Plan) -> None:
        """What a fault changes in the work of its service."""
        effect, steps = fault.effect, plan.steps
        trace.altered |= effect in ("early return", "exception", "exception with fallback", "bad deploy")
        trace.slightly |= effect == "wrong content"  # its spans are as ever
        if effect == "delay":
            self._slower(trace, fault.size, plan.own)
            plan.now += fault.size * (0.8 + 0.4 * self.random())
        elif effect == "contention":
            more = plan.own * (fault.size * (0.8 + 0.4 * self.random()) - 1)
            self._slower(trace, more, plan.own)
            plan.own += more
        elif effect == "overload":
            ramp = min(1.0, (plan.now - fault.start) / (fault.end - fault.start) * 3 + 0.2)
            wait = self.exponential() * fault.size * ramp
            self._slower(trace, wait, plan.own)
            plan.now += wait
        elif effect == "early return":
            plan.own, plan.stop, plan.error = plan.own * fault.size, 0, ""
        elif effect in ("exception", "exception with fallback"):
            plan.own *= 0.05 + 0.55 * self.random()
            plan.stop, plan.error = int(self.random() * (len(steps) + 1)), fault.error_type
        elif effect == "bad deploy":
            self.version[span] = fault.version
            if fault.variant == "renamed":
                name = operation.name
                self.name[span] = name.replace("/v1/", "/v2/") if "/v1/" in name else name + "V2"
            plan.steps = fault.steps[operation]
            plan.stop = len(plan.steps)
            if self.random() < fault.size:
                plan.stop, plan.error = int(self.random() * (len(steps) + 1)), fault.error_type

    def _slower(self, trace: Trace, more: float, usual: float) -> None:
        if more >= max(1.0, MATERIAL * usual):
            trace.altered = True
        else:
            trace.slightly = True

    def _step(
        self, step: Step, at: float, parent: int, operation: Operation, trace: Trace, *, instance: int
    ) -> tuple[float, bool]:
        """One step of an operation: when it ends, and whether the operation fails by it."""
        fault, service = trace.fault, operation.service
        change = USUAL
        if fault is not None and fault.start <= at < fault.end:
            change = self._change(fault, step, operation)
        probability = step.probability if change.probability is None else change.probability
        if change.gone:
            trace.altered = True
            return at, False
        if probability < 1 and (probability == 0 or self.random() >= probability):
            return at, False
        if change.always and probability > step.probability:
            trace.altered |= self.random() >= step.probability  # would not have happened
        count = 1 if step.most == 1 else 1 + int(self.random() * step.most)
        now = at
        for _ in range(count):
            self.steps[step] += 1
            if step.target is None:
                now = self._within(step, now, parent, service, trace, change=change, instance=instance)
                continue
            now, broke = self._attempts(step, now, parent, service, trace, times=change.times, instance=instance)
            if broke and not self._survives(step, trace, now):
                return now, True
        return now, False

    def _change(self, fault: Fault, step: Step, operation: Operation) -> Change:
        """What a fault that is in force changes of a step."""
        effect, to_it = fault.effect, step.target is not None and step.target.service is fault.service
        if effect == "silence" and (fault.step is step if fault.step else to_it):
            happens = step.probability == 1 or self.random() < step.probability
            gone = happens and (fault.share == 1 or self.random() < fault.share)
            return Change(gone=gone, probability=1.0 if happens else 0.0)
        if effect == "contention" and fault.service is operation.service and step.kind == INTERNAL:
            return Change(factor=fault.size)
        if fault.step is not step or not (fault.share == 1 or self.random() < fault.share):
            return USUAL
        if effect == "lost cache":
            return Change(probability=1.0, always=True) if fault.variant == "always called" else Change(slow=True)
        if effect == "slow database":
            return Change(factor=fault.size)
        return Change(times=int(fault.size)) if effect == "retries" else USUAL

    def _attempts(
        self, step: Step, at: float, parent: int, caller: Service, trace: Trace, *, times: int, instance: int
    ) -> tuple[float, bool]:
        """A call, made once, or as often as a fault has it, and once more where that is usual after a failure."""
        now, broke = at, False
        for attempt in range(times):
            spurious = attempt < times - 1
            now, broke = self._call(step, now, parent, caller, trace, instance=instance, spurious=spurious)
        trace.altered |= times > 1
        if broke and step.retry:
            now, broke = self._call(step, now, parent, caller, trace, instance=instance, spurious=False)
        return now, broke

    def _survives(self, step: Step, trace: Trace, at: float) -> bool:
        """Whether an operation goes on after a call that failed."""
        fault = trace.fault
        if fault is not None and fault.start <= at and step.target and step.target.service is fault.service:
            return fault.fallback if fault.effect in ("exception", "exception with fallback") else step.fallback
        return step.fallback

    def _within(
        self, step: Step, at: float, parent: int, service: Service, trace: Trace, *, change: Change, instance: int
    ) -> float:
        """A span within the service; when it ends."""
        usual = step.latency.next()
        took = step.latency.slow() if change.slow else usual * change.factor
        if took != usual:
            self._slower(trace, took - usual, usual)
        span = self._open(trace, parent, service, name=step.name, kind=step.kind, at=at, attributes=step.attributes)
        self.instance[span] = instance
        self.end[span] = at + took
        return at + took

    def _call(
        self,
        step: Step,
        at: float,
        parent: int,
        caller: Service,
        trace: Trace,
        *,
        instance: int,
        spurious: bool = False,
    ) -> tuple[float, bool]:
        """A call, on the side of who calls; ``spurious``: one that will be repeated."""
        target, fault = step.target, trace.fault
        assert target
        if step.mode in ("queue", "link"):
            return self._publish(step, at, parent, caller, trace, instance=instance), False
        there, back = self.world.network.next(), self.world.network.next()
        if (
            fault is not None
            and fault.effect == "network delay"
            and fault.service is target.service
            and fault.start <= at < fault.end
            and (fault.share == 1 or self.random() < fault.share)
        ):
            more = fault.size * (0.7 + 0.6 * self.random())
            first = more * self.random()
            there, back = there + first, back + more - first
            trace.altered = True
        client = -1
        if caller.clients:
            client = self._open(trace, parent, caller, name=step.name, kind=step.kind, at=at, attributes=())
            self.instance[client] = instance
        end, broke = self.serve(target, at + there, parent if client < 0 else client, trace)
        if step.mode == "async":
            end, broke = at + step.latency.next(), False
        else:
            end += back
        if client >= 0:
            self.end[client] = end
            if broke or (spurious and fault is not None and fault.variant == "failing"):
                self.status[client] = ERROR
        return end, broke

    def _publish(self, step: Step, at: float, parent: int, caller: Service, trace: Trace, *, instance: int) -> float:
        """Put something into a queue; somebody takes it out later, in the same trace or in one that links to it."""
        target, fault = step.target, trace.fault
        assert target
        wait = step.latency.median * (0.2 + self.exponential())
        span = self._open(trace, parent, caller, name=step.name, kind=step.kind, at=at, attributes=())
        self.instance[span] = instance
        self.end[span] = done = at + self.world.network.next() + 0.3
        waits = (
            fault is not None and fault.effect == "queue wait" and fault.step is step and fault.start <= at < fault.end
        )
        if waits:
            assert fault
            wait += fault.size * (0.6 + 0.8 * self.random())
        before = len(self.start)
        if step.mode == "queue":
            trace.altered |= waits
            self.serve(target, done + wait, span, trace)
        else:
            other = Trace(len(self.traces), done + wait, trace.customer, fault)
            other.slightly = waits  # its own spans are as ever: only the link tells
            self.traces.append(other)
            self.serve(target, done + wait, -1, other)
            self.link[before] = span
        if self.kind[before] == SERVER:
            self.kind[before] = CONSUMER
        return done

    def _say(self, operation: Operation, span: int, at: float, error: str, fault: Fault | None) -> None:
        """What an operation logs at its end."""
        wrong = fault if fault and fault.effect == "wrong content" else None
        for line in operation.lines:
            if line.probability < 1 and self.random() >= line.probability:
                continue
            if wrong and wrong.variant == "line gone" and line.probability == 1:
                continue
            self._line(operation, span, at, line, wrong.size if wrong and wrong.variant == "value" else 1.0)
        if wrong and wrong.variant == "new line":
            text = f"{operation.service.noun[0]} {self._id()} is inconsistent, default used"
            self.lines.append((at, span, operation.service, "WARN", text))
        if error:
            text = f"{error}: {operation.service.noun[0]} {self._id()} could not be handled"
            self.lines.append((at, span, operation.service, "ERROR", text))

    def _line(self, operation: Operation, span: int, at: float, line: Line, factor: float) -> None:
        text = line.text.format(id=self._id(), value=int(line.value.next() * factor))
        self.lines.append((at, span, operation.service, line.level, text))

    def _id(self) -> str:
        return f"{int(self.random() * (1 << 32)):08x}"
