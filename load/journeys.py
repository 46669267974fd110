"""What customers do. Each journey is a list of steps; the Locust users in ``locustfile.py`` send them."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from load.mix import Customer
from sample_app.catalogue import CATEGORIES, FIRST_SOLD_OUT, PRODUCTS, product

OK = (200,)
SPECIAL = (
    "chaise longue en chêne",
    "سجادة صوف",
    "赤い椅子",
    "나무 의자",
    "дубовый стол",
    "लकड़ी की मेज",
    "πράσινη κούπα",
    "שטיח",
    "🪑🪴 lamp 🛋️",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞a̴̵lgo",
    "100% wool_rug",
    'O\'Brien "quoted" <b>bold</b>; --',
    "tab\tand\nnewline",
    "\u202eright to left\u202c",
)


@dataclass(frozen=True)
class Step:
    """One request.

    :param expected: statuses that this step is meant to get.
    :param at_once: send together with the step that follows, without waiting for the answer.
    """

    method: str
    path: str
    name: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    expected: tuple[int, ...] = OK
    at_once: bool = False


Answer = dict[str, Any]
Journey = Iterator[Step]
"""A generator of steps. It receives the answer's JSON body of each step that it yielded ({} where there is none)."""


def _key(rng: random.Random) -> dict[str, str]:
    return {"idempotency-key": f"k-{rng.getrandbits(64):016x}"}


def _show(number: int, expected: tuple[int, ...] = OK) -> Step:
    return Step("GET", f"/products/{number}", "/products/{id}", expected=expected)


def _add(who: Customer, sku: str, quantity: int = 1, **how: Any) -> Step:
    body = {"session_id": who.session_id, "sku": sku, "quantity": quantity, "note": how.pop("note", "")}
    return Step("POST", "/cart/add", "/cart/add", body, **how)


def _checkout(who: Customer, rng: random.Random, **how: Any) -> Step:
    body = {"session_id": who.session_id, "user_id": who.user_id, "country": who.country}
    body |= {"method": how.pop("method", "card"), "card_token": how.pop("token", "tok_visa")}
    return Step("POST", "/checkout", "/checkout", body, headers=how.pop("headers", None) or _key(rng), **how)


def _pay(order_id: str, rng: random.Random, expected: tuple[int, ...] = OK, **how: str) -> Step:
    return Step("POST", "/payment", "/payment", {"order_id": order_id, **how}, headers=_key(rng), expected=expected)


def _available(rng: random.Random) -> int:
    return rng.randrange(1, FIRST_SOLD_OUT)


def buy(who: Customer, rng: random.Random) -> Iterator[Step]:
    """Browse, fill the cart, check out, pay. Two articles are often added by one click (a set)."""
    yield Step("GET", "/", "/")
    yield Step("GET", f"/products?category={rng.choice(CATEGORIES)}", "/products")
    number = _available(rng)
    yield _show(number)
    if rng.random() < 0.3:
        yield Step("GET", f"/inventory/check?sku={product(number).sku}&quantity=2", "/inventory/check")
    as_set = rng.random() < 0.5
    yield _add(who, product(number).sku, rng.randint(1, 3), at_once=as_set)
    if as_set or rng.random() < 0.3:
        yield _add(who, product(_available(rng)).sku)
    if rng.random() < 0.3:
        order = yield _checkout(who, rng, method="later")
        if order and "order_id" in order:
            yield _pay(order["order_id"], rng)
    else:
        yield _checkout(who, rng)


def browse(who: Customer, rng: random.Random) -> Journey:
    """Look around and leave."""
    yield Step("GET", "/", "/")
    for _ in range(rng.randint(1, 3)):
        yield Step("GET", f"/products?category={rng.choice(CATEGORIES)}", "/products")
        yield _show(_available(rng))


def missing_product(who: Customer, rng: random.Random) -> Journey:
    """A link that leads nowhere any more."""
    yield _show(rng.randrange(PRODUCTS + 1, 5_000), expected=(404,))


def sold_out(who: Customer, rng: random.Random) -> Journey:
    """Wants what is not there."""
    yield _add(who, product(rng.randrange(FIRST_SOLD_OUT, PRODUCTS + 1)).sku, expected=(409,))


def refused_card(who: Customer, rng: random.Random) -> Journey:
    """A card that the bank refuses."""
    yield _add(who, product(_available(rng)).sku)
    token = rng.choice(("tok_insufficient_funds", "tok_stolen", "tok_expired"))
    yield _checkout(who, rng, token=token, expected=(402,))


def gateway_fails(who: Customer, rng: random.Random) -> Journey:
    """The payment gateway answers 503 for this card."""
    yield _add(who, product(_available(rng)).sku)
    yield _checkout(who, rng, token="tok_gateway_error", expected=(502,))


def pays_twice(who: Customer, rng: random.Random) -> Journey:
    """Pays an order that is paid already."""
    yield _add(who, product(_available(rng)).sku)
    order = yield _checkout(who, rng)
    if order and "order_id" in order:
        yield _pay(order["order_id"], rng, expected=(409,))


def gateway_sleeps(who: Customer, rng: random.Random) -> Journey:
    """Pays later with a card for which the payment gateway answers too late: the payment times out."""
    yield _add(who, product(_available(rng)).sku)
    order = yield _checkout(who, rng, method="later")
    if order and "order_id" in order:
        yield _pay(order["order_id"], rng, expected=(502,), card_token="tok_gateway_slow")


def bad_form(who: Customer, rng: random.Random) -> Journey:
    """Sends a form with a field missing."""
    yield Step("POST", "/checkout", "/checkout", {"session_id": who.session_id}, expected=(422,))


def sorts_by_dispute(who: Customer, rng: random.Random) -> Journey:
    """An order of the product list that the database cannot keep up with: the query times out."""
    yield Step("GET", f"/products?category={rng.choice(CATEGORIES)}&sort=disputed", "/products", expected=(503,))


def recounts(who: Customer, rng: random.Random) -> Journey:
    """Has several shelves counted at the same time: more than the counting desk's pool has connections."""
    for left in range(5, -1, -1):
        path = f"/inventory/check?sku={product(_available(rng)).sku}&recount=true"
        yield Step("GET", path, "/inventory/check", expected=(200, 502), at_once=left > 0)


def impatient(who: Customer, rng: random.Random) -> Journey:
    """Presses the same button again and again, faster than the shop answers."""
    number = _available(rng)
    for _ in range(rng.randint(2, 4)):
        yield _add(who, product(number).sku, at_once=True)
    yield _add(who, product(number).sku)
    headers = _key(rng)
    either = (200, 409)
    yield _checkout(who, rng, headers=headers, expected=either, at_once=True)
    yield _checkout(who, rng, headers=headers, expected=either)


def reload_storm(who: Customer, rng: random.Random) -> Journey:
    """Reloads one page in quick succession."""
    number = _available(rng)
    for _ in range(rng.randint(3, 6)):
        yield _show(number)


def wrong_order(who: Customer, rng: random.Random) -> Journey:
    """Does the steps in an order that no page offers."""
    yield _checkout(who, rng, expected=(409,))
    yield _pay(f"ord-{rng.getrandbits(48):012x}", rng, expected=(404,))
    yield _add(who, product(_available(rng)).sku)
    yield Step("GET", "/", "/")


def odd_words(who: Customer, rng: random.Random) -> Journey:
    """Every script, emoji and character with a meaning to some parser."""
    from urllib.parse import quote

    yield Step("GET", f"/products?q={quote(rng.choice(SPECIAL))}", "/products")
    yield _add(who, product(_available(rng)).sku, note=rng.choice(SPECIAL))
    yield _add(who, rng.choice(SPECIAL)[:30], expected=(404,))


def large_payload(who: Customer, rng: random.Random) -> Journey:
    """As large as allowed, and larger."""
    yield _add(who, product(_available(rng)).sku, note="x" * rng.randint(3_000, 4_000))
    yield _add(who, product(_available(rng)).sku, note="y" * rng.randint(20_000, 60_000), expected=(422,))
    yield _add(who, product(_available(rng)).sku, quantity=rng.choice((20, 21, 10_000)), expected=(200, 422))


def odd_numbers(who: Customer, rng: random.Random) -> Journey:
    """Numbers that are none, or too large."""
    number = rng.choice(("0", "-1", "1e9", "99999999999999999999", "abc", "007x"))
    yield Step("GET", f"/products/{number}", "/products/{id}", expected=(404, 422))


Maker = Callable[[Customer, random.Random], Any]
JOURNEYS: dict[str, tuple[tuple[Maker, int], ...]] = {
    "normal": ((buy, 7), (browse, 3)),
    "error": (
        (missing_product, 6),
        (sold_out, 6),
        (refused_card, 3),
        (gateway_fails, 1),
        (gateway_sleeps, 1),
        (pays_twice, 2),
        (bad_form, 2),
        (sorts_by_dispute, 1),
        (recounts, 1),
    ),
    "anomalous": ((impatient, 3), (reload_storm, 3), (wrong_order, 2)),
    "edge": ((odd_words, 4), (large_payload, 3), (odd_numbers, 3)),
}
"""Journeys of each kind of traffic, with their weights."""


def journey(kind: str, who: Customer, rng: random.Random) -> Any:
    """A journey of the kind, chosen by weight: a generator of :class:`Step`."""
    makers, weights = zip(*JOURNEYS[kind], strict=True)
    return rng.choices(makers, weights)[0](who, rng)
