"""Customers with a real browser: they look around, fill the cart and the checkout form, and leave a recording.

    python -m load.browser_user --sessions 3 --host http://127.0.0.1:8000

``load/locustfile.py`` runs some beside its own customers. Needs Playwright (``pip install playwright``) and a Chromium:
``$CHROMIUM``, or one on the PATH.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING

import click

from load.mix import COUNTRIES
from otel_pipeline.errors import UserError
from sample_app.catalogue import CATEGORIES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

NAMES = ("chromium", "chromium-browser", "google-chrome")
REFUSED_SHARE = 0.25
GOOD_CARD, REFUSED_CARD = "4242", "0002"
"""Last digits of the page's test cards: one that is good for anything, one that every bank refuses."""

SEND_WITHIN_MS = 60_000
PATIENCE_MS = 20_000
"""How long a customer waits for anything on the page before the visit is given up."""

NO_PLAYWRIGHT = "browser users need Playwright; run: pip install playwright"


@dataclass(frozen=True)
class Typed:
    """What a customer types into the form. Each value is long and unlike any other, so it can be looked for.

    :param cards: numbers, in the order in which they are tried.
    """

    name: str
    email: str
    address: str
    password: str
    cards: tuple[str, ...]

    def secrets(self) -> list[str]:
        """The values that must be found nowhere."""
        return [self.name, self.email, self.address, self.password, *self.cards]


def typed(rng: random.Random, refused: bool = False) -> Typed:
    """The form of one customer.

    :param refused: whether the first card is one that the bank refuses.
    """
    mark = f"{rng.getrandbits(48):012x}"
    endings = (REFUSED_CARD, GOOD_CARD) if refused else (GOOD_CARD,)
    return Typed(
        name=f"Canary{mark} Jones",
        email=f"canary.{mark}@mail.example",
        address=f"{mark} Finch Lane",
        password=f"pw-{mark}-Secret!",
        cards=tuple(f"5{rng.randrange(10**11):011d}{ending}" for ending in endings),
    )


def chromium() -> str:
    """Path of a Chromium.

    :raises UserError: there is none.
    """
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    raise UserError("no Chromium on this machine; install it, or set CHROMIUM to its path")


def missing() -> str:
    """What there is no browser for here, in words; "" when there is one."""
    try:
        chromium()
    except UserError as error:
        return str(error)
    return "" if find_spec("playwright") else NO_PLAYWRIGHT


@contextmanager
def browser(*options: str) -> Iterator["Browser"]:
    """A headless browser.

    :param options: of Chromium's command line.
    :raises UserError: no Playwright, no Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise UserError(NO_PLAYWRIGHT) from None
    program = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *options])
        try:
            yield started
        finally:
            started.close()


def visit(page: "Page", host: str, form: Typed, rng: random.Random) -> str:
    """One visit, from the first page to the order and back. All up to there is sent when it returns.

    :param host: the storefront's base URL.
    :return: the session's id, as ``rum.sessionId`` has it.
    """
    page.goto(host)
    page.locator(".card").first.wait_for()
    page.get_by_role("link", name=rng.choice(CATEGORIES), exact=True).click()
    page.locator(".title").wait_for()
    page.locator(".card").nth(rng.randrange(4)).click()
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("link", name="Check out").click()
    for name in ("name", "email", "address", "password"):
        page.locator(f"input[name={name}]").press_sequentially(getattr(form, name))
    page.locator("input[name=expires]").press_sequentially("11/29")
    page.locator("input[name=cvc]").press_sequentially("123")
    page.locator("select[name=country]").select_option(rng.choice(COUNTRIES))
    for card in form.cards:
        page.locator("input[name=card]").clear()
        page.locator("input[name=card]").press_sequentially(card)
        with page.expect_response("**/checkout"):
            page.get_by_role("button", name="Pay").click()
    page.locator(".thanks").wait_for()
    page.locator(".brand").click()
    page.locator(".hero").wait_for()
    with page.expect_request(_sends("/v1/logs"), timeout=SEND_WITHIN_MS) as recording:
        with page.expect_request(_sends("/v1/traces"), timeout=SEND_WITHIN_MS) as spans:
            page.get_by_role("link", name=rng.choice(CATEGORIES), exact=True).click()
    for sent in (recording, spans):
        sent.value.response()
    return str(page.evaluate("HyperDX.getSessionId()"))


def _sends(path: str) -> Callable[["Request"], bool]:
    return lambda request: request.method == "POST" and request.url.endswith(path)


@click.command()
@click.option("--sessions", type=click.IntRange(0), default=1, show_default=True, help="Visits; 0: until it is ended.")
@click.option("--host", default="http://127.0.0.1:8000", show_default=True, help="Where the shop is.")
@click.option("--seed", default="0", show_default=True, help="The same seed makes the same visits.")
@click.option("--pause", type=click.FloatRange(0), default=0, help="Mean seconds between two visits.")
def main(sessions: int, host: str, seed: str, pause: float) -> None:
    """Visit the shop with a browser, one visit after another.

    A visit that meets an error of the shop breaks off; the next one goes on.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the browser is closed on the way out
    with browser() as chrome:
        for number in count() if not sessions else range(sessions):
            rng = random.Random(f"{seed}/{number}")
            refused = rng.random() < REFUSED_SHARE
            click.echo(_one(chrome, host, rng, refused=refused))
            time.sleep(min(rng.expovariate(1 / pause), 3 * pause) if pause else 0)


def _one(chrome: "Browser", host: str, rng: random.Random, *, refused: bool) -> str:
    """One visit in a window of its own; what became of it."""
    from playwright.sync_api import Error

    with chrome.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(PATIENCE_MS)
        try:
            session = visit(context.new_page(), host, typed(rng, refused), rng)
        except Error as error:
            return f"a visit broke off: {error.message.splitlines()[0]}"
    return f"session {session}: ordered{', with the second card' if refused else ''}"


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"browser-user: {error}")
    except KeyboardInterrupt:
        sys.exit(0)
