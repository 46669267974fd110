"""Calls between services: a deadline, retries with backoff where a repeat is safe, errors with their reason."""

import logging
import random
import time
from dataclasses import dataclass
from typing import Any

import httpx

from sample_app.errors import ShopError, UpstreamError, UpstreamTimeoutError

log = logging.getLogger("shop.client")

MAX_CONNECTIONS = 40


@dataclass(frozen=True)
class CallPolicy:
    """How patient a caller is.

    :param timeout_s: seconds to wait for one answer; a later one is of no use.
    :param attempts: the most calls made for one question, when a repeat is safe.
    :param backoff_s: pause before the first repeat; doubled each time, with jitter.
    """

    timeout_s: float
    attempts: int = 1
    backoff_s: float = 0.1


class Peer:
    """Another service, as seen from this one. Safe to use from many threads."""

    def __init__(self, name: str, base_url: str, policy: CallPolicy) -> None:
        self.name = name
        self.base_url = base_url
        self.policy = policy
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=10)
        self._client = httpx.Client(limits=limits, trust_env=False)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET, repeated as the policy allows."""
        return self._call("GET", path, repeatable=True, params=params)

    def post(self, path: str, body: dict[str, Any], idempotency_key: str = "") -> dict[str, Any]:
        """POST; repeated only under an idempotency key, which makes a repeat harmless."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, repeatable=bool(idempotency_key), json=body, headers=headers)

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE, repeated as the policy allows."""
        return self._call("DELETE", path, repeatable=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, method: str, path: str, *, repeatable: bool, **how: Any) -> dict[str, Any]:
        """One question and its answer.

        :raises ShopError: the peer's own refusal (4xx), :class:`UpstreamTimeoutError`, :class:`UpstreamError`.
        """
        policy = self.policy
        attempts = policy.attempts if repeatable else 1
        for attempt in range(1, attempts + 1):
            failure: ShopError
            began = time.perf_counter()
            try:
                answer = self._client.request(method, self.base_url + path, timeout=policy.timeout_s, **how)
                # httpx limits each wait for the socket, not their sum.
                if time.perf_counter() - began > policy.timeout_s:
                    failure = UpstreamTimeoutError(self.name, policy.timeout_s)
                elif answer.status_code < 500:
                    return self._content(answer)
                else:
                    failure = self._failure(answer)
            except httpx.TimeoutException:
                failure = UpstreamTimeoutError(self.name, policy.timeout_s)
            except httpx.TransportError as error:
                failure = UpstreamError(self.name, type(error).__name__)
            if attempt == attempts:
                log.error("%s %s%s failed after %d attempt(s): %s", method, self.name, path, attempt, failure.message)
                raise failure
            pause = policy.backoff_s * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
            log.warning("%s %s%s: %s; trying again in %.0f ms", method, self.name, path, failure.message, pause * 1000)
            time.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _content(self, answer: httpx.Response) -> dict[str, Any]:
        body = answer.json()
        if answer.status_code >= 400:
            code, message = body.get("code", "refused"), body.get("message", answer.reason_phrase)
            raise ShopError(answer.status_code, code, message)
        return body

    def _failure(self, answer: httpx.Response) -> ShopError:
        try:
            reason = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            reason = f"HTTP {answer.status_code}"
        return UpstreamError(self.name, reason)
