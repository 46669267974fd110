"""When requests come, and what they ask for."""

import numpy as np

from otel_pipeline.evaluation.worlds.faults import MINUTE, Drawer, Fault, usual
from otel_pipeline.evaluation.worlds.simulate import Run
from otel_pipeline.evaluation.worlds.topology import World, build

PROBES = 400
AFTER = 4 * MINUTE


def run(seed: int, most: int | None = None) -> tuple[World, list[Fault], Run]:
    """A world, its faults (the first ``most`` of them), and what happened in it until after the last."""
    rng = np.random.default_rng([seed, 20261127])
    world = build(seed, rng)
    probe = Run(world, [], rng)
    for at, root, customer in _requests(world, [], PROBES / world.rate * MINUTE, rng):
        probe.request(world.roots[root][0], at, customer)
    known = usual(max(len(probe.traces), 1), probe.calls, probe.steps, probe.totals)
    faults = Drawer(world, known, rng).all()[:most]
    length = faults[-1].end + AFTER
    real = Run(world, faults, rng)
    events = [(at, world.roots[root][0], customer) for at, root, customer in _requests(world, faults, length, rng)]
    for job, every in world.jobs:
        events += [(float(at), job, 0) for at in np.arange(rng.uniform(0, every), length, every)]
    for at, operation, customer in sorted(events, key=lambda event: event[0]):
        silent = next((f for f in faults if f.variant == "no traffic" and f.start <= at < f.end), None)
        if silent and silent.service is operation.service and rng.random() < silent.share:
            continue
        real.request(operation, at, customer)
    return world, faults, real


def _requests(
    world: World, faults: list[Fault], length: float, rng: np.random.Generator
) -> list[tuple[float, int, int]]:
    """Time, root and customer of each: a Poisson process whose rate drifts as the day does, thinned."""
    most = 2.5 * max([1.0, *(fault.surge for fault in faults)])
    count = int(rng.poisson(world.rate * length / MINUTE * most))
    times = np.sort(rng.uniform(0, length, count))
    period, phase, drift = rng.uniform(1.5, 6) * 60 * MINUTE, rng.uniform(0, 6.3), world.shows["drift"]
    rate = 1 + drift * np.sin(2 * np.pi * times / period + phase)
    for fault in faults:
        rate = np.where((times >= fault.start) & (times < fault.end), rate * fault.surge, rate)
    times = times[rng.random(count) < rate / most]
    roots = rng.choice(len(world.roots), len(times), p=np.array([w for _, w in world.roots]))
    customers = rng.choice(len(world.customers), len(times), p=world.shares)
    return list(zip(times.tolist(), roots.tolist(), customers.tolist(), strict=True))
