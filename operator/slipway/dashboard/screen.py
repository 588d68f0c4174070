"""Templates, with what is on every page."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from slipway import __version__
from slipway.dashboard import views
from slipway.dashboard.viewer import viewer_of


class Screen:
    """Makes HTML. Everything that comes from the cluster is escaped."""

    def __init__(self, base: str) -> None:
        self.base = base
        """Before every path."""
        self._templates = Environment(
            loader=PackageLoader("slipway.dashboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters.update(moment=views.moment, tone=views.tone, words=views.without_commands)

    def render(self, request: Request, template: str, facts: dict[str, Any]) -> str:
        """A template with these facts."""
        viewer = viewer_of(request)
        more = {
            "base": self.base,
            "who": viewer.name,
            "decides": viewer.acting is not None,
            "request": request,
            "version": __version__,
        }
        return self._templates.get_template(template).render({**more, **facts})

    def page(self, request: Request, template: str, facts: dict[str, Any], status: int = 200) -> HTMLResponse:
        """A whole answer."""
        return HTMLResponse(self.render(request, template, facts), status)
