"""The fault scenarios: which service each one breaks, how, and what should then be seen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """A way to break the shop.

    :param name: name in the ledger and in the admin API.
    :param switch: service whose admin API switches it.
    :param service: service whose own work is broken, to be blamed; empty when nothing is broken.
    :param description: what really happens.
    :param signature: what telemetry should show.
    """

    name: str
    switch: str
    service: str
    description: str
    signature: str


SCENARIOS = (
    Scenario(
        "payment_timeout",
        "inventory",
        "inventory",
        "A stocktake report takes every connection of inventory's database pool and never gives one back.",
        "inventory: 'connect' spans wait for the pool and end in TimeoutError; payment: no answer (504)",
    ),
    Scenario(
        "cascade_failure",
        "inventory",
        "inventory",
        "Inventory keeps every page of stock movements instead of the last one and reads them all on each look-up.",
        "inventory: 'inventory.safety_stock' spans and memory grow; payment: no answer (504)",
    ),
    Scenario(
        "intermittent_error",
        "cart",
        "cart",
        "Cart no longer serialises the updates of one cart; two requests read the same version and one loses.",
        "cart: some 'POST /cart/add' end in StaleCartError (500) while others of the same session succeed",
    ),
    Scenario(
        "slow_query",
        "storefront",
        "storefront",
        "The index that finds a product's reviews is dropped; every list of products reads all reviews.",
        "storefront: 'SELECT products' spans are many times longer; no errors",
    ),
    Scenario(
        "slow_network",
        "checkout",
        "payment",
        "Calls from checkout to payment pass a relay that holds every byte back.",
        "checkout: client spans to payment last longer than payment's server spans by twice the delay; no errors",
    ),
    Scenario(
        "retry_storm",
        "cart",
        "cart",
        "Cart waits a few milliseconds only for inventory's answer, and asks again at once, many times.",
        "cart: many client spans to inventory in one 'POST /cart/add'; inventory: a multiple of its usual requests",
    ),
    Scenario(
        "wrong_content",
        "inventory",
        "inventory",
        "Inventory takes units for packs and answers 200 with far too little stock.",
        "inventory: 'GET /inventory/check' succeeds; cart: refuses nearly every article as sold out (409)",
    ),
    Scenario(
        "noisy_neighbour",
        "checkout",
        "",
        "The bookkeeping system is gone and checkout's export of orders tries again and again, loudly.",
        "checkout: errors in 'checkout.export_orders' and many ERROR logs; requests of customers are as ever",
    ),
    Scenario(
        "bad_deploy",
        "storefront",
        "storefront",
        "Storefront is replaced by a version whose product page sends a query for each related product.",
        "storefront: another service.version; 'GET /products/{product_id}' has more queries and is slower",
    ),
    Scenario(
        "latency_drift",
        "checkout",
        "checkout",
        "The table that checkout reads in full to rank a customer grows all the time.",
        "checkout: 'checkout.loyalty' takes longer from minute to minute; no errors",
    ),
    Scenario(
        "segment_fault",
        "payment",
        "payment",
        "Payment misreads amounts of one country for the customers of one version of the app.",
        "payment: ValueError (500) for one customer.country and app.version only",
    ),
)


def scenario(name: str) -> Scenario:
    """The scenario of that name.

    :raises KeyError: there is none.
    """
    for found in SCENARIOS:
        if found.name == name:
            return found
    raise KeyError(f"no scenario {name}; there are {', '.join(s.name for s in SCENARIOS)}")
