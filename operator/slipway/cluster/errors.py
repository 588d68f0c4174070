"""What an API request can answer besides success, as exceptions that say what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NoCluster(Exception):
    """There is no usable kubeconfig and no service account."""


class APIError(Exception):
    """A request that the API server refused or could not serve.

    `status` is the HTTP status (0 when no answer came), `reason` the machine-readable reason of the `Status`
    object and `message` its sentence for people.
    """

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason


class NotFound(APIError):
    """404: the object, its namespace or its kind does not exist."""


class Conflict(APIError):
    """409: the object changed since it was read, or (with apply) another manager owns a field."""


class AlreadyExists(Conflict):
    """409 with reason AlreadyExists: a create found an object of that name."""


class Invalid(APIError):
    """400, 413, 415 or 422: the object itself is refused; repeating the request changes nothing."""


class Unauthorized(APIError):
    """401: the credentials are not accepted."""


class Forbidden(APIError):
    """403: RBAC or an admission policy refuses."""


class Gone(APIError):
    """410: the resourceVersion asked for is no longer kept; list again."""


class Unavailable(APIError):
    """429, 5xx, a broken connection or a timeout: try again, after `retry_after` seconds if that is set.

    A write that ended like this may have been executed.
    """

    def __init__(self, message: str, status: int = 0, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, status, reason)
        self.retry_after = retry_after


_BY_STATUS: dict[int, type[APIError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
}


def from_status(status: int, body: Mapping[str, Any] | None, text: str, retry_after: str | None = None) -> APIError:
    """The typed error of an answer; `body` is its `Status` object if it sent one, else `text` speaks."""
    reason = str(body.get("reason") or "") if body else ""
    message = str(body.get("message") or "") if body else ""
    message = message or text.strip()[:500] or f"HTTP {status}"
    if status == 409 and reason == "AlreadyExists":
        return AlreadyExists(message, status, reason)
    if (known := _BY_STATUS.get(status)) is not None:
        return known(message, status, reason)
    return Unavailable(message, status, reason, _seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
