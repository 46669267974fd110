"""Made-up systems that only log: quiet days with all that is usual in them, and trouble on demand. Seeded.

What is usual: a day's course of the traffic with rushes, errors in proportion to it, failures that write several lines
at once, lines that are hardly ever written, restarts, jobs that complain every hour or every night.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

DAY = 1440


@dataclass
class LogSystem:
    """Lines by (service, class, template) and minute. Templates are numbers from 1; 0 is all that is no complaint."""

    seed: int
    days: int = 2
    courses: dict[tuple[str, str, int], Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def __post_init__(self) -> None:
        """Write the quiet days."""
        self.rng = random.Random(self.seed)
        self.services = [f"s{n}" for n in range(self.rng.randint(2, 7))]
        self.number = 0
        for service in self.services:
            self._service(service)

    def trouble(
        self, service: str, begin: int, minutes: int, per_minute: float, *, templates: int = 1, kind: str = "error"
    ) -> None:
        """A new error, in one wording or several."""
        for _ in range(templates):
            template = self._template()
            for minute in range(begin, begin + minutes):
                self.courses[service, kind, template][minute] += self._poisson(per_minute / templates)

    def of(self, service: str) -> Counter[int]:
        """All lines of a service."""
        return sum((c for (s, _, _), c in self.courses.items() if s == service), Counter[int]())

    def summed(self) -> dict[tuple[str, str, int], Counter[int]]:
        """Courses of complaints, with template 0 for the sum of each class, as ``lines__courses`` has them."""
        found: dict[tuple[str, str, int], Counter[int]] = defaultdict(Counter)
        for (service, kind, template), course in self.courses.items():
            if kind != "info":
                found[service, kind, template].update(course)
                found[service, kind, 0].update(course)
        return found

    def rows(self, start: datetime) -> Iterator[tuple[datetime, str, str, str]]:
        """(time, service, severity, body) of every line."""
        severity = {"info": "INFO", "error": "ERROR", "warning": "WARN", "words": ""}
        for (service, kind, template), course in sorted(self.courses.items()):
            wording = "".join(chr(97 + (template * 7 + i * 5) % 26) for i in range(6))
            body = "request served" if kind == "info" else f"{wording} could not be {wording[::-1]}"
            for minute, lines in course.items():
                for n in range(lines):
                    yield start + timedelta(minutes=minute, seconds=60 * n / lines), service, severity[kind], body

    def _service(self, service: str) -> None:
        rng, length = self.rng, self.days * DAY
        phase, swing, rate = rng.random(), rng.uniform(0.0, 0.9), 10 ** rng.uniform(0, 2)
        load = [rate * (1 + swing * math.sin(2 * math.pi * (m / DAY + phase))) for m in range(length)]
        for _ in range(3 * self.days):
            begin, times = rng.randrange(length), rng.uniform(1.5, 4)
            for m in range(begin, min(length, begin + rng.randint(3, 15))):
                load[m] *= times
        info = self.courses[service, "info", 0]
        for m in range(length):
            info[m] = self._poisson(load[m])
        for _ in range(rng.randint(1, 3)):  # in proportion to the traffic
            share, mine = 10 ** rng.uniform(-3, -0.7), self._mine(service)
            for m in range(length):
                mine[m] += self._poisson(share * load[m])
        self._failures(service)
        self._jobs(service)

    def _failures(self, service: str) -> None:
        rng, length = self.rng, self.days * DAY
        for _ in range(rng.randint(1, 4)):  # failures that write several lines
            mine, events, size = self._mine(service), rng.uniform(0.5, 30), rng.uniform(1, 9)
            for _ in range(self._poisson(events * self.days)):
                self._cluster(mine, rng.randrange(length), size)
        for _ in range(3):  # hardly ever
            self._mine(service)[rng.randrange(length)] += 1
        for _ in range(2 * self.days):  # restarts
            at = rng.randrange(length)
            for _ in range(3):
                self._cluster(self._mine(service, again=True), at, 4)

    def _jobs(self, service: str) -> None:
        rng, length = self.rng, self.days * DAY
        if rng.random() < 0.4:
            mine, minute, lines = self._mine(service), rng.randrange(60), rng.randint(5, 40)
            for hour in range(length // 60):
                mine[60 * hour + minute] += self._poisson(lines)
        if rng.random() < 0.4:
            mine, minute, lines = self._mine(service), rng.randrange(DAY), rng.randint(10, 60)
            for day in range(self.days):
                mine[min(length - 1, max(0, DAY * day + minute + rng.randint(-2, 2)))] += self._poisson(lines)

    def _mine(self, service: str, again: bool = False) -> Counter[int]:
        if again:
            same = [course for (s, kind, _), course in self.courses.items() if s == service and kind == "error"]
            if same:
                return self.rng.choice(same)
        kind = self.rng.choices(("error", "warning"), (3, 1))[0]
        return self.courses[service, kind, self._template()]

    def _cluster(self, course: Counter[int], minute: int, size: float) -> None:
        lines = 1 + int(self.rng.expovariate(1 / size))
        begin, lasts = self.rng.random(), self.rng.uniform(0, 0.7)
        for n in range(lines):
            course[minute + int(begin + lasts * n / lines)] += 1

    def _template(self) -> int:
        self.number += 1
        return self.number

    def _poisson(self, mean: float) -> int:
        if mean > 30:
            return max(0, round(self.rng.gauss(mean, math.sqrt(mean))))
        count, product, floor = 0, self.rng.random(), math.exp(-mean)
        while product > floor:
            count += 1
            product *= self.rng.random()
        return count
