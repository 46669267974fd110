"""Headless Chromium for the tests of this folder: $CHROMIUM, or the one on the PATH."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from load import browser_user
from otel_pipeline.errors import UserError

SLOW_MACHINE_MS = 30_000


@pytest.fixture(scope="module")  # no longer: its event loop would be in the way of other tests
def browser() -> Iterator[Browser]:
    """A browser; without a Chromium on this machine its tests are skipped."""
    try:
        browser_user.chromium()
    except UserError as error:
        pytest.skip(str(error))
    with browser_user.browser() as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was never here before."""
    context = browser.new_context(viewport={"width": 1500, "height": 950})
    context.set_default_timeout(SLOW_MACHINE_MS)
    expect.set_options(timeout=SLOW_MACHINE_MS)
    yield context.new_page()
    context.close()
