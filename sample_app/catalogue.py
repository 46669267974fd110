"""What the shop sells: made by arithmetic, so that every service and the load agree on it without a call."""

from dataclasses import dataclass

CATEGORIES = ("lamps", "chairs", "tables", "rugs", "mugs", "plants")
ADJECTIVES = ("Oak", "Linen", "Brass", "Nordic", "Woven", "Matte", "Amber", "Slate", "Ivory", "Copper")
PRODUCTS = 60
FIRST_SOLD_OUT = 56
"""Products from this number on are discontinued: never in stock."""


@dataclass(frozen=True)
class Product:
    """One article. Prices are in cents."""

    number: int
    sku: str
    name: str
    category: str
    price_cents: int

    @property
    def discontinued(self) -> bool:
        """Whether it is never restocked."""
        return self.number >= FIRST_SOLD_OUT


def product(number: int) -> Product:
    """Product ``number`` (1 to :data:`PRODUCTS`)."""
    category = CATEGORIES[number % len(CATEGORIES)]
    adjective = ADJECTIVES[number % len(ADJECTIVES)]
    return Product(
        number=number,
        sku=f"{category[:3].upper()}-{number:04d}",
        name=f"{adjective} {category.removesuffix('s').title()} No. {number}",
        category=category,
        price_cents=900 + (number * 7919) % 18_000,
    )


def all_products() -> list[Product]:
    """The whole catalogue."""
    return [product(number) for number in range(1, PRODUCTS + 1)]
