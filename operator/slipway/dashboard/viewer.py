"""Whose page it is: what they may see, and with whose rights it is decided. Who is at the door says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Scope

from slipway.console.session import Session

_KEY = "slipway.viewer"


async def everything(namespace: str) -> bool:
    """Whatever could be read may be seen."""
    return True


@dataclass(frozen=True)
class Viewer:
    """One who looks at a page."""

    name: str
    """As the API server knows them; '' where it is nobody's business who reads."""
    reading: Session
    """What is shown is read with these rights."""
    acting: Session | None
    """What is decided is said with these rights; None: nothing can be."""
    form: str = ""
    """The key of every form that does something."""
    sees: Callable[[str], Awaitable[bool]] = everything
    """Whether the objects of a namespace are shown to them. Raises APIError."""
    lasts: float | None = None
    """Seconds after which an open page has to ask at the door again; None: never."""

    def who_acts(self) -> Session:
        """The rights with which they decide. Raises HTTPException 403 where this page is for reading."""
        if self.acting is None:
            raise HTTPException(403, "This page is for reading. Decide by kubectl slipway, under your own name.")
        return self.acting


def enter(scope: Scope, viewer: Viewer) -> None:
    """Note who has come in by this request."""
    scope[_KEY] = viewer


def viewer_of(request: HTTPConnection) -> Viewer:
    """Who has."""
    return cast(Viewer, request.scope[_KEY])
