"""What a made-up system consists of: services, their operations, and what each does step by step."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from otel_pipeline.evaluation.worlds import names
from otel_pipeline.evaluation.worlds.latency import Latency, drawn

UNSPECIFIED, INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(6)
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
FEWEST_SERVICES = 8

Mode = Literal["wait", "parallel", "async", "queue", "link"]


@dataclass(eq=False)
class Service:
    """A service.

    :param skew: milliseconds by which its host's clock is ahead.
    :param clients: whether its calls have spans of their own, or only those of whom they reach.
    :param deploy: from when on (ms) another version runs, which does the same.
    :param noise: times in ms and factor: it gets slow by itself, which harms nobody.
    """

    name: str
    noun: tuple[str, str, str]
    layer: int
    skew: float = 0.0
    clients: bool = True
    instances: list[str] = field(default_factory=list)
    version: str = ""
    names_with_ids: bool = False
    deploy: tuple[float, str] | None = None
    operations: list["Operation"] = field(default_factory=list)
    loud: bool = False
    noise: list[tuple[float, float, float]] = field(default_factory=list)


@dataclass(eq=False)
class Line:
    """A log line: text with {id} and {value}."""

    level: str
    text: str
    value: Latency
    probability: float = 1.0


@dataclass(eq=False)
class Operation:
    """What a service does when it is called.

    :param own: milliseconds of its own work, spread before, between and after the steps.
    """

    service: Service
    name: str
    kind: int
    own: Latency
    attributes: tuple[tuple[str, str], ...] = ()
    steps: list["Step"] = field(default_factory=list)
    error_rate: float = 0.0
    lines: list[Line] = field(default_factory=list)
    size: Latency | None = None


@dataclass(eq=False)
class Step:
    """One thing that an operation does: a span within the service (no target), or a call.

    :param group: steps of one operation with the same group, not 0, run side by side.
    :param fallback: whether the operation goes on when the call fails.
    """

    name: str
    kind: int
    latency: Latency
    attributes: tuple[tuple[str, str], ...] = ()
    target: Operation | None = None
    mode: Mode = "wait"
    probability: float = 1.0
    most: int = 1
    group: int = 0
    fallback: bool = False
    retry: bool = False


@dataclass
class World:
    """A made-up system, and what its telemetry shows."""

    seed: int
    services: list[Service]
    roots: list[tuple[Operation, float]]
    jobs: list[tuple[Operation, float]]
    customers: list[str]
    shares: np.ndarray
    network: Latency
    rate: float
    shows: dict[str, Any]

    @property
    def operations(self) -> list[Operation]:
        """All operations."""
        return [operation for service in self.services for operation in service.operations]


def build(seed: int, rng: np.random.Generator) -> World:
    """Draw a world."""
    shows = _shows(rng)
    services = _services(rng, shows)
    _operations(rng, services, shows)
    _calls(rng, services, shows)
    roots = _roots(rng, services, shows)
    services = _reachable(services, roots)
    _prune(rng, [root for root, _ in roots], services, shows["spans"])
    services = _reachable(services, roots)
    jobs = _jobs(rng, services, shows)
    _loud(rng, services, roots, shows)
    _lines(rng, services, shows)
    _oddities(rng, services, roots, shows)
    spans = sum(weight * _size(root, {}) for root, weight in roots)
    # some 110 minutes: at most 110,000 spans
    rate = float(
        min(
            np.exp(rng.uniform(*((np.log(12), np.log(40)) if rng.random() < 0.2 else (np.log(40), np.log(300))))),
            110_000 / spans / 110,
        )
    )
    count = int(rng.integers(8, 60))
    shares = rng.dirichlet(np.full(count, rng.uniform(0.5, 5)))
    return World(
        seed, services, roots, jobs, names.customers(count, rng), shares, drawn(rng, 0.1, 3), max(rate, 8.0), shows
    )


def _shows(rng: np.random.Generator) -> dict[str, Any]:
    """What the telemetry of a world shows, and how it is written."""

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    logs = chance(0.6)
    return {
        "style": str(rng.choice(names.STYLES)),
        "operation_style": str(rng.choice(names.OPERATIONS)),
        "catch_all": ("", "", "/*", "HTTP GET", "request")[int(rng.integers(5))],
        "status": chance(0.6),
        "status_spelling": "long" if chance(0.2) else "short",
        "kinds": chance(0.65),
        "logs": logs,
        "log_trace_ids": logs and chance(0.8),
        "http": ("", "old", "new", "new")[int(rng.integers(4))],
        "exception_events": chance(0.5),
        "customer_key": str(rng.choice(names.CUSTOMER_KEYS)) if chance(0.85) else "",
        "customer_everywhere": chance(0.3),
        "versions": chance(0.6),
        "instances": chance(0.7),
        "client_spans": ("all", "none", "some")[int(rng.integers(3))],
        "skewed_clocks": chance(0.25),
        "sampled": float(rng.choice([1.0, 1.0, 1.0, 0.5, 0.1])),
        "parallel": chance(0.5),
        "async": chance(0.4),
        "queue": ("", "", "child", "link")[int(rng.integers(4))],
        "jobs": chance(0.4),
        "loud": ("", "erratic", "episodes")[int(rng.integers(3))],
        "sizes": chance(0.3),
        "proxy": chance(0.1),  # the roots' parent is a proxy that reports nothing
        "names_with_ids": chance(0.1),  # one service puts ids into the names of its spans
        "internal_roots": chance(0.15),  # made by hand: the root is no server span
        "harmless_deploys": chance(0.4),
        "spans": float(rng.uniform(5, 20)),
        "drift": float(rng.uniform(0, 0.4)),
        "error_rate": float(np.exp(rng.uniform(np.log(0.001), np.log(0.03)))),
    }


def _services(rng: np.random.Generator, shows: dict[str, Any]) -> list[Service]:
    count = int(rng.integers(8, 25))
    depth = int(rng.integers(3, 6))
    entries = int(rng.choice([1, 1, 2, 3]))
    nouns = rng.permutation(len(names.NOUNS))
    found: list[Service] = []
    for number in range(count):
        noun = names.NOUNS[nouns[number]]
        layer = 0 if number < entries else 1 + (number - entries) % (depth - 1)
        name = names.service(shows["style"], number, noun, rng)
        one = Service(
            name, noun, layer, clients={"all": True, "none": False}.get(shows["client_spans"], rng.random() < 0.5)
        )
        if shows["skewed_clocks"] and rng.random() < 0.35:
            one.skew = float(rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(5), np.log(3000))))
        one.instances = [f"{noun[0]}-{rng.integers(1 << 28):07x}-{i}" for i in range(int(rng.integers(1, 5)))]
        one.version = f"{rng.integers(0, 4)}.{rng.integers(0, 30)}.{rng.integers(0, 9)}"
        found.append(one)
    return found


def _operations(rng: np.random.Generator, services: list[Service], shows: dict[str, Any]) -> None:
    for service in services:
        style = shows["operation_style"] if rng.random() < 0.8 else str(rng.choice(names.OPERATIONS))
        verbs = rng.permutation(len(names.VERBS))
        for number in range(int(rng.choice([1, 1, 2, 2, 3, 4])) + (2 if service.layer == 0 else 0)):
            name = names.operation(style, service.noun, names.VERBS[verbs[number]], rng)
            operation = Operation(service, name, SERVER, drawn(rng, 1.5, 60), _attributes(name, style, shows))
            operation.error_rate = shows["error_rate"] * float(rng.choice([0, 0.3, 1, 2]))
            if shows["sizes"]:
                operation.size = drawn(rng, 300, 60_000)
            service.operations.append(operation)


def _attributes(name: str, style: str, shows: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if style == "http" and shows["http"]:
        method, route = name.split(" ")
        keys = ("http.method", "http.route") if shows["http"] == "old" else ("http.request.method", "http.route")
        return (keys[0], method), (keys[1], route)
    if style == "grpc" and shows["http"]:
        service, method = name.split("/")
        return ("rpc.system", "grpc"), ("rpc.service", service), ("rpc.method", method)
    return ()


def _calls(rng: np.random.Generator, services: list[Service], shows: dict[str, Any]) -> None:
    """What each operation does. Calls lead to deeper layers only; everything is called by somebody."""
    for service in services:
        deeper = [s for s in services if s.layer > service.layer]
        near = [s for s in deeper if s.layer == service.layer + 1] or deeper
        known = [near[i] for i in rng.permutation(len(near))[: int(rng.integers(1, 5))]]
        known += [deeper[i] for i in rng.permutation(len(deeper))[:1]]
        for operation in service.operations:
            operation.steps += _inner(rng, service, shows)
            for _ in range(int(rng.integers(1 if service.layer < 2 else 0, 4)) if known else 0):
                target = known[int(rng.integers(len(known)))]
                operation.steps.append(_call(rng, target, shows))
            order = rng.permutation(len(operation.steps))
            operation.steps = [operation.steps[i] for i in order]
            if shows["parallel"] and rng.random() < 0.6:
                for step in operation.steps:
                    if step.target and step.mode == "wait":
                        step.group = 1
                operation.steps.sort(key=lambda step: step.group)
    for service in services:
        called = {step.target for s in services for o in s.operations for step in o.steps if step.target}
        for operation in service.operations:
            if service.layer and operation not in called and (rng.random() < 0.5 or operation is service.operations[0]):
                above = [s for s in services if s.layer == service.layer - 1]
                caller = above[int(rng.integers(len(above)))]
                by = caller.operations[int(rng.integers(len(caller.operations)))]
                step = _call(rng, service, shows)
                step.target = operation
                by.steps.append(step)


def _inner(rng: np.random.Generator, service: Service, shows: dict[str, Any]) -> list[Step]:
    """Spans within a service: parts of its work, its database, its cache."""
    found = []
    word = service.noun[0]
    for _ in range(int(rng.integers(0, 3))):
        database = rng.random() < 0.65
        if database:
            system = str(rng.choice(["postgresql", "mysql", "redis", "mongodb"]))
            verb = str(rng.choice(names.STATEMENTS))
            name = f"{verb} {word}s" if system != "redis" else str(rng.choice(["GET", "HGETALL", "MGET"])) + f" {word}"
            attributes = (("db.system", system),) if shows["http"] else ()
            latency = drawn(rng, 0.4, 25)
        else:
            name = f"{word}.{rng.choice(names.VERBS)}"
            attributes, latency = (), drawn(rng, 0.3, 15)
        sometimes = rng.random() < 0.3
        found.append(
            Step(
                name,
                CLIENT if database else INTERNAL,
                latency,
                attributes,
                probability=float(rng.uniform(0.12, 0.6)) if sometimes else 1.0,
                most=int(rng.integers(2, 5)) if rng.random() < 0.12 else 1,
            )
        )
    return found


def _call(rng: np.random.Generator, target: Service, shows: dict[str, Any]) -> Step:
    operation = target.operations[int(rng.integers(len(target.operations)))]
    mode: Mode = "wait"
    if shows["async"] and rng.random() < 0.12:
        mode = "async"
    elif shows["queue"] and rng.random() < 0.15:
        mode = "link" if shows["queue"] == "link" else "queue"
        operation = next((o for o in target.operations if o.kind == CONSUMER), operation)
    word = target.noun[0]
    name = {"queue": f"{word}.events publish", "link": f"{word}.events publish"}.get(
        mode, str(rng.choice([operation.name, "HTTP " + str(rng.choice(["GET", "POST"])), f"call {word}"]))
    )
    return Step(
        name,
        PRODUCER if mode in ("queue", "link") else CLIENT,
        drawn(rng, 20, 1500) if mode in ("queue", "link") else drawn(rng, 0.2, 1),
        target=operation,
        mode=mode,
        probability=float(rng.uniform(0.15, 0.7)) if rng.random() < 0.25 else 1.0,
        most=int(rng.integers(2, 5)) if rng.random() < 0.1 else 1,
        fallback=bool(rng.random() < 0.4) or mode in ("async", "queue", "link"),
        retry=bool(rng.random() < 0.15),
    )


def _roots(rng: np.random.Generator, services: list[Service], shows: dict[str, Any]) -> list[tuple[Operation, float]]:
    roots = [operation for s in services if s.layer == 0 for operation in s.operations]
    weights = rng.dirichlet(np.full(len(roots), 1.5))
    if shows["catch_all"]:
        for root in roots:
            root.name, root.attributes = shows["catch_all"], root.attributes if rng.random() < 0.4 else ()
    return list(zip(roots, weights.tolist(), strict=True))


def _reached(roots: list[Operation]) -> set[Operation]:
    found: set[Operation] = set()
    waiting = list(roots)
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [step.target for step in operation.steps if step.target]
    return found


def _reachable(services: list[Service], roots: list[tuple[Operation, float]]) -> list[Service]:
    """The services and operations that are ever called."""
    reached = _reached([root for root, _ in roots])
    for service in services:
        service.operations = [o for o in service.operations if o in reached]
    return [service for service in services if service.operations]


def _size(operation: Operation, known: dict[Operation, float]) -> float:
    """Spans of a call, in the mean."""
    if operation not in known:
        total = 1.0
        for step in operation.steps:
            one = 1.0 if step.target is None else _size(step.target, known) + operation.service.clients
            total += step.probability * (1 + step.most) / 2 * one
        known[operation] = total
    return known[operation]


def _prune(rng: np.random.Generator, roots: list[Operation], services: list[Service], spans: float) -> None:
    """Leave out calls, or make them rarer where a service would be lost, until traces are of a usual size."""
    for _ in range(2000):
        known: dict[Operation, float] = {}
        sizes = [_size(root, known) for root in roots]
        if max(sizes) <= 2 * spans and sum(sizes) / len(sizes) <= spans:
            return
        reached = _reached([roots[int(np.argmax(sizes))]])
        heavy = [(o, step) for o in known if o in reached for step in o.steps if step.target and known[o] > 6]
        operation, step = heavy[int(rng.integers(len(heavy)))]
        number = operation.steps.index(step)
        del operation.steps[number]
        left = _reached(roots)
        if sum(any(o in left for o in service.operations) for service in services) < min(
            len(services), FEWEST_SERVICES
        ):
            operation.steps.insert(number, step)
            step.most, step.probability = 1, max(0.1, step.probability * 0.6)


def _jobs(rng: np.random.Generator, services: list[Service], shows: dict[str, Any]) -> list[tuple[Operation, float]]:
    """Batch jobs: many calls at intervals, ms."""
    if not shows["jobs"]:
        return []
    deep = [s for s in services if s.layer > 0]
    service = deep[int(rng.integers(len(deep)))]
    target = deep[int(rng.integers(len(deep)))]
    job = Operation(
        service, f"{service.noun[0]}-nightly" if rng.random() < 0.5 else "cron.run", INTERNAL, drawn(rng, 5, 50)
    )
    step = Step(f"{target.noun[0]} batch", CLIENT, drawn(rng, 0.2, 1), target=target.operations[0], fallback=True)
    step.most = int(rng.integers(6, 15))
    job.steps = [step]
    return [(job, float(rng.uniform(2, 10)) * 60_000)]


def _loud(
    rng: np.random.Generator, services: list[Service], roots: list[tuple[Operation, float]], shows: dict[str, Any]
) -> None:
    """A service that is noisy, and that nobody waits for or minds."""
    if not shows["loud"]:
        return
    noun = ("telemetry", "통계", "統計")
    loud = Service(names.service(shows["style"], 90, noun, rng), noun, 9, clients=False, loud=True)
    loud.instances, loud.version = ["t-0"], "1.0.0"
    median = float(np.exp(rng.uniform(np.log(3), np.log(40))))
    name = names.operation(shows["operation_style"], noun, "create", rng)
    operation = Operation(loud, name, SERVER, Latency(rng, median, "tail"), error_rate=0.02)
    if shows["loud"] == "erratic":
        operation.own, operation.error_rate = Latency(rng, median, "two modes"), float(rng.uniform(0.05, 0.2))
    else:
        at = float(rng.uniform(0.5, 3)) * 60_000
        while at < 240 * 60_000:
            length = float(rng.uniform(0.5, 2)) * 60_000
            loud.noise.append((at, at + length, float(rng.uniform(3, 10))))
            at += length + float(rng.uniform(2, 9)) * 60_000
    loud.operations.append(operation)
    services.append(loud)
    for root, _ in roots:
        if rng.random() < 0.6 or root is roots[0][0]:
            root.steps.append(
                Step("emit", CLIENT, drawn(rng, 0.2, 1), target=operation, mode="async", probability=0.7, fallback=True)
            )


def _oddities(
    rng: np.random.Generator, services: list[Service], roots: list[tuple[Operation, float]], shows: dict[str, Any]
) -> None:
    """What is unusual about a system, and no fault."""
    if shows["internal_roots"]:
        for root, _ in roots:
            root.kind = INTERNAL
    if shows["names_with_ids"]:
        services[int(rng.integers(len(services)))].names_with_ids = True
    if shows["harmless_deploys"]:
        for service in services:
            if rng.random() < 0.3:
                version = service.version.rsplit(".", 1)[0] + f".{rng.integers(10, 30)}"
                service.deploy = (float(rng.uniform(3, 90)) * 60_000, version)


TEXTS = (
    "{noun} {{id}} {verb} done in {{value}} ms",
    "request {{id}} {noun}={{value}}",
    '{{{{"event":"{noun}.{verb}","id":"{{id}}","n":{{value}}}}}}',
    "[{noun}] {verb} ok id={{id}} bytes={{value}}",
    "{ko} {{id}} 처리 완료 ({{value}}건)",
    "{ja} {{id}} の処理が完了しました 件数={{value}}",
)


def _lines(rng: np.random.Generator, services: list[Service], shows: dict[str, Any]) -> None:
    if not shows["logs"]:
        return
    texts = TEXTS[4:5] if shows["style"] == "korean" else TEXTS[5:] if shows["style"] == "japanese" else TEXTS[:4]
    for service in services:
        for operation in service.operations:
            for _ in range(int(rng.choice([0, 1, 1, 2]))):
                text = texts[int(rng.integers(len(texts)))].format(
                    noun=service.noun[0], ko=service.noun[1], ja=service.noun[2], verb=rng.choice(names.VERBS)
                )
                often = 1.0 if rng.random() < 0.7 else float(rng.uniform(0.05, 0.6))
                level = str(rng.choice(["INFO", "INFO", "DEBUG", "WARN"], p=[0.5, 0.3, 0.15, 0.05]))
                operation.lines.append(Line(level, text, drawn(rng, 2, 5000), often))
