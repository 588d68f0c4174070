"""The pages on which somebody decides: what it is about, once more, and the act."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from slipway.api.report import CONFIRMATIONS
from slipway.cluster.api import Object
from slipway.cluster.errors import APIError, NotFound, Unavailable
from slipway.console.decisions import CannotSay, approval
from slipway.console.session import Session
from slipway.dashboard import deciding, views
from slipway.dashboard.deciding import Decision, Shown
from slipway.dashboard.screen import Screen

LONGEST = 16 * 1024


class Forms:
    """Handlers for decisions. What they show and judge is read from the API server, never from what was watched."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def ask(self, request: Request) -> Response:
        """What is decided, and a form that does it."""
        decision = _decision(request)
        read = request.query_params.get("plan", "")
        try:
            about = await self._about(request, decision, "")
            if decision is deciding.APPROVE and about.shown.plan != read:
                raise CannotSay("The plan has changed since you read it: go back and read it again.")
        except CannotSay as refusal:
            return self._page(request, decision, None, str(refusal), 409)
        return self._page(request, decision, about, "", 200)

    async def act(self, request: Request) -> Response:
        """Do it, under the name that the API server knows, if what was shown is what there is."""
        decision, form = _decision(request), await _form(request)
        if not self._screen.keys.fits_form("".join(form.get("form", []))):
            raise HTTPException(403, "This form is not of this dashboard: reload the page.")
        reason = "".join(form.get("reason", [])).strip()
        shown = deciding.shown_by({key: values[0] for key, values in form.items()})
        about = None
        try:
            about = await self._about(request, decision, reason)
            deciding.check(decision, about.shown, shown, form.get("confirm", []), reason)
            await about.tell()
        except (CannotSay, APIError) as refusal:
            # Of what was not shown there is no form here: it has to be read first.
            again = about if about is not None and about.shown == shown else None
            return self._page(request, decision, again, _words(refusal), getattr(refusal, "status", 409) or 502, reason)
        back = f"{self._screen.keys.path}/promotions/{about.namespace}/{about.name}/"
        return RedirectResponse(f"{back}?{urlencode({'done': decision.name})}", 303)

    async def _about(self, request: Request, decision: Decision, reason: str) -> _About:
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        session = self._screen.session.within(namespace)
        promotion = await session.promotion(name)
        if promotion["metadata"]["name"] != name:
            raise NotFound(f"there is no Promotion {namespace}/{name}")
        rollout = await _rollout(session, promotion)
        who = await session.me()
        kind, patch = deciding.word(decision, promotion, rollout, who, reason)
        words = approval(promotion, rollout, who)[1] if decision is deciding.APPROVE else ""
        return _About(session, promotion, rollout, who, kind, patch, words)

    def _page(
        self, request: Request, decision: Decision, about: _About | None, problem: str, status: int, reason: str = ""
    ) -> Response:
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        facts: dict[str, Any] = {
            "decision": decision,
            "about": about,
            "found": views.case(about.promotion) if about else None,
            "namespace": namespace,
            "name": name,
            "problem": problem,
            "reason": reason,
            "confirmations": CONFIRMATIONS,
            "form": self._screen.keys.form,
        }
        return self._screen.page(request, "decision.html", facts, status)


class _About:
    """A decision, ready to be told."""

    def __init__(
        self,
        session: Session,
        promotion: Object,
        rollout: Object | None,
        who: str,
        kind: str,
        patch: dict[str, Any],
        words: str,
    ) -> None:
        self._session = session
        self.promotion = promotion
        self._rollout = rollout
        self.who = who
        self.kind = kind
        self._patch = patch
        self.words = words
        self.shown = Shown.of(promotion, patch)
        self.namespace = str(promotion["metadata"]["namespace"])
        self.name = str(promotion["metadata"]["name"])

    async def tell(self) -> None:
        """Write it."""
        if self.kind == "Promotion":
            await self._session.tell(self.promotion, self._patch)
        elif self._rollout is not None:
            await self._session.tell_rollout(self._rollout, self._patch)


async def _rollout(session: Session, promotion: Object) -> Object | None:
    try:
        return await session.rollout(str(promotion["spec"]["rollout"]))
    except NotFound:
        return None


def _words(refusal: Exception) -> str:
    unknown = isinstance(refusal, Unavailable)
    return f"{refusal}. Whether it was done is not known: look before you try again." if unknown else str(refusal)


def _decision(request: Request) -> Decision:
    found = deciding.ALL.get(str(request.path_params["decision"]))
    if found is None:
        raise HTTPException(404, "there is no such decision")
    return found


async def _form(request: Request) -> dict[str, list[str]]:
    length = request.headers.get("content-length", "")
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded" or not length.isdecimal() or int(length) > LONGEST:
        raise HTTPException(400, "a form was expected")
    return parse_qs((await request.body()).decode("utf-8", "replace"))
