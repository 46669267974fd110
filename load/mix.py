"""Which kind of traffic may send the next request, so that the mix holds whatever the answers' latency is."""

import random
from collections import Counter
from dataclasses import dataclass, field

SHARES = {"normal": 0.70, "error": 0.15, "anomalous": 0.10, "edge": 0.05}
SLACK = 2.0
"""Requests that a kind may be ahead of its share."""

COUNTRIES = ("DE", "FR", "GB", "US", "BR", "JP", "KR", "IN")
COUNTRY_WEIGHTS = (22, 12, 12, 20, 10, 8, 10, 6)
APP_VERSIONS = ("5.0.3", "5.1.0", "5.2.1")
APP_VERSION_WEIGHTS = (20, 55, 25)


@dataclass
class Mix:
    """Counts requests by kind, and holds back the kinds that are ahead of their share."""

    sent: Counter[str] = field(default_factory=Counter)
    during: Counter[str] = field(default_factory=Counter)
    """Requests sent while each scenario was on."""

    users: Counter[str] = field(default_factory=Counter)
    """Customers of each kind that are there now."""

    scenario: str = ""
    """The scenario that the load has switched on now."""

    @property
    def total(self) -> int:
        """Requests sent."""
        return self.sent.total()

    def may_send(self, kind: str) -> bool:
        """Whether the kind is not ahead of its share among the kinds that have customers at all."""
        present = sum(share for name, share in SHARES.items() if self.users[name] > 0) or 1.0
        return self.sent[kind] <= SHARES[kind] / present * (self.total + 1) + SLACK

    def count(self, kind: str) -> None:
        """A request of the kind is being sent."""
        self.sent[kind] += 1
        if self.scenario:
            self.during[self.scenario] += 1

    def shares(self) -> dict[str, float]:
        """Percent of requests by kind, and by scenario."""
        total = max(1, self.total)
        return {name: round(100 * n / total, 2) for name, n in [*self.sent.items(), *self.during.items()]}


@dataclass(frozen=True)
class Customer:
    """Who sends the requests of one visit."""

    session_id: str
    user_id: str
    country: str
    app_version: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the shop's apps send."""
        return {
            "x-session-id": self.session_id,
            "x-user-id": self.user_id,
            "x-customer-country": self.country,
            "x-app-version": self.app_version,
        }


def customer(rng: random.Random) -> Customer:
    """A visitor, one of some thousand, in a session of its own."""
    return Customer(
        session_id=f"s-{rng.getrandbits(48):012x}",
        user_id=f"u-{rng.randrange(4_000):05d}",
        country=rng.choices(COUNTRIES, COUNTRY_WEIGHTS)[0],
        app_version=rng.choices(APP_VERSIONS, APP_VERSION_WEIGHTS)[0],
    )
