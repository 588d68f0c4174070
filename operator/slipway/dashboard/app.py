"""The pages put together: what is where, and what is said when something goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from slipway.cluster.errors import APIError, NoCluster
from slipway.console.session import Session
from slipway.dashboard.board import Board
from slipway.dashboard.done import Done
from slipway.dashboard.door import Door, Keys
from slipway.dashboard.forms import Forms
from slipway.dashboard.pages import Pages
from slipway.dashboard.proxy import Proxy, ProxyDoor
from slipway.dashboard.records import Records
from slipway.dashboard.screen import Screen
from slipway.dashboard.viewer import Viewer

_STATIC = Path(__file__).parent / "static"


def build(session: Session, board: Board, who: str, keys: Keys, port: int) -> Starlette:
    """The application, for a server that listens on loopback at this port, for whoever has started it."""
    viewer = Viewer(who, reading=session, acting=session, form=keys.form)
    return _application(board, keys.path, Middleware(Door, port=port, keys=keys, viewer=viewer))


def build_behind_proxy(board: Board, proxy: Proxy) -> Starlette:
    """The application, for a server that only an authenticating proxy reaches."""
    return _application(board, proxy.public.base, Middleware(ProxyDoor, proxy=proxy))


def _application(board: Board, base: str, door: Middleware) -> Starlette:
    screen, done = Screen(base), Done()
    pages, forms, records = Pages(board, screen, done), Forms(screen, done), Records(board, screen)

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            status, words = error.status_code, str(error.detail)
        else:
            status, words = (error.status if isinstance(error, APIError) else 0) or 502, str(error)
        return screen.page(request, "problem.html", {"status": status, "problem": words}, status)

    @contextlib.asynccontextmanager
    async def followed(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(board.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    shown = (
        ("/", pages.overview),
        ("/rollouts/{namespace}/{name}/", pages.rollout),
        ("/promotions/{namespace}/{name}/", pages.promotion),
    )
    below = [
        *(Route(path, pages.show(page), name=page.template) for path, page in shown),
        *(Route(f"{path}live", pages.live(page)) for path, page in shown),
        Route("/rollouts/{namespace}/{name}/gates/{gate}.svg", pages.chart),
        Route("/records/", records.all),
        Route("/records/{namespace}/{name}", records.one),
        Route("/promotions/{namespace}/{name}/{decision}", forms.ask, methods=["GET"]),
        Route("/promotions/{namespace}/{name}/{decision}", forms.act, methods=["POST"]),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    return Starlette(
        routes=[Mount(base, routes=below)],
        middleware=[door],
        exception_handlers={HTTPException: refused, APIError: refused, NoCluster: refused},
        lifespan=followed,
    )
