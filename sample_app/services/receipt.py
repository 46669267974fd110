"""Receipts: the amount of a payment as customers of a country write it."""

from typing import Any

SEPARATORS = {"DE": ".,", "FR": " ,", "GB": ",.", "US": ",.", "BR": ".,", "JP": ",.", "KR": ",.", "IN": ",."}
"""Separator of thousands, then of decimals, by country."""


class Receipts:
    """Writes an amount for the receipt and reads it back, to be sure that it says what was charged.

    Put out of order, one country's rule for reading is replaced, for the customers of one version of the app, by one
    that does not fit how amounts are written there.
    """

    def __init__(self) -> None:
        self._replaced: tuple[str, str] | None = None

    def text(self, cents: int, country: str, app_version: str) -> str:
        """The amount in words of the receipt.

        :raises ValueError: it cannot be read back.
        """
        thousands, decimal = SEPARATORS.get(country, ",.")
        plain = f"{cents / 100:,.2f}"
        written = plain.translate(str.maketrans({",": thousands, ".": decimal}))
        if self._read(written, country, app_version) != cents:
            raise ValueError(f"receipt says {written}, charged are {cents} cents")
        return written

    def start(self, country: str = "DE", app_version: str = "5.1.0") -> dict[str, Any]:
        """Replace the rule.

        :param country: the customers' country.
        :param app_version: the version of their app.
        """
        self._replaced = (country, app_version)
        return {"country": country, "app_version": app_version}

    def stop(self) -> None:
        """Put the right rule back."""
        self._replaced = None

    def _read(self, written: str, country: str, app_version: str) -> int:
        thousands, decimal = SEPARATORS.get(country, ",.")
        if (country, app_version) == self._replaced:
            thousands, decimal = decimal, thousands
        return round(float(written.replace(thousands, "").replace(decimal, ".")) * 100)
