"""Along calls: on whom a service depends."""

from collections.abc import Iterable, Mapping


def below(service: str, callees: Mapping[str, Iterable[str]]) -> list[str]:
    """All that a service depends on, the nearest first.

    :param callees: whom each service calls.
    """
    found: list[str] = []
    queue = [service]
    while queue:
        for callee in callees.get(queue.pop(0), ()):
            if callee not in found and callee != service:
                found.append(callee)
                queue.append(callee)
    return found
