"""Failures that a shop service answers with: an HTTP status, a stable code for programs, a sentence for people."""


class ConfigError(Exception):
    """A setting, a port or a database that cannot be used: one line that says what is wrong and what to do."""


class ShopError(Exception):
    """A request that cannot be fulfilled.

    :param status: HTTP status of the answer.
    :param code: stable name of the reason, such as ``out_of_stock``.
    :param message: what a person should read.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class UpstreamTimeoutError(ShopError):
    """A service that this one depends on did not answer in time."""

    def __init__(self, peer: str, seconds: float) -> None:
        super().__init__(504, "upstream_timeout", f"{peer} did not answer within {seconds:g} s")
        self.peer = peer


class UpstreamError(ShopError):
    """A service that this one depends on failed, or could not be reached."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(502, "upstream_failed", f"{peer} failed: {reason}")
        self.peer = peer
