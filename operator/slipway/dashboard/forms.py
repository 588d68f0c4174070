"""The pages on which somebody decides: what it is about, once more, and the act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from slipway.api.report import CONFIRMATIONS
from slipway.cluster.api import Object
from slipway.cluster.errors import APIError, NotFound, Unavailable
from slipway.console import decisions
from slipway.console.decisions import CannotSay, approval
from slipway.console.session import Session
from slipway.dashboard import deciding, views, without_data
from slipway.dashboard.deciding import Given, Shown
from slipway.dashboard.decision import ALL, APPROVE, LEARN, RETRY, Decision
from slipway.dashboard.done import Done
from slipway.dashboard.door import same
from slipway.dashboard.screen import Screen
from slipway.dashboard.viewer import viewer_of

LONGEST = 16 * 1024
LONGEST_LEARNED = 512 * 1024
"""What was learned may be some pages, and three bytes for each of a letter's two or three."""


class Forms:
    """Handlers for decisions. What they show and judge is read from the API server, never from what was watched."""

    def __init__(self, screen: Screen, done: Done) -> None:
        self._screen = screen
        self._done = done

    async def ask(self, request: Request) -> Response:
        """What is decided, and a form that does it."""
        decision, given = _decision(request), Given(request.query_params.get("check", ""))
        read = request.query_params.get("plan", "")
        try:
            about = await self._about(request, decision, given)
            if decision in deciding.OF_A_PLAN and about.shown.plan != read:
                raise CannotSay("The plan has changed since you read it: go back and read it again.")
        except CannotSay as refusal:
            return self._page(request, decision, None, str(refusal), 409)
        return self._page(
            request, decision, about, "", 200, deciding.said_before(decision, about.promotion, about.shown)
        )

    async def act(self, request: Request) -> Response:
        """Do it, under the name that the API server knows, if what was shown is what there is."""
        viewer_of(request).who_acts()
        decision = _decision(request)
        form = await _form(request, LONGEST_LEARNED if decision is LEARN else LONGEST)
        if not same("".join(form.get("form", [])), viewer_of(request).form):
            raise HTTPException(403, "This form is not of this dashboard: reload the page.")
        first = {key: values[0] for key, values in form.items()}
        shown, given = deciding.shown_by(first), Given(first.get("check", ""), first)
        about = None
        try:
            about = await self._about(request, decision, given)
            deciding.check(decision, about.promotion, about.shown, shown, form.get("confirm", []), given)
            name = await about.tell()
        except (CannotSay, APIError) as refusal:
            # Of what was not shown there is no form here: it has to be read first.
            again = about if about is not None and about.shown == shown else None
            return self._page(request, decision, again, _words(refusal), getattr(refusal, "status", 409) or 502, first)
        self._done.keep(viewer_of(request).name, about.namespace, name, decision)
        back = f"{self._screen.base}/promotions/{about.namespace}/{name}/"
        return RedirectResponse(f"{back}?{urlencode({'done': decision.name})}", 303)

    async def _about(self, request: Request, decision: Decision, given: Given) -> _About:
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        session = viewer_of(request).who_acts().within(namespace)
        promotion = await session.promotion(name)
        if promotion["metadata"]["name"] != name:
            raise NotFound(f"there is no Promotion {namespace}/{name}")
        rollout = await _rollout(session, promotion)
        who = await session.me()
        taken = [one["metadata"]["name"] for one in await session.promotions()] if decision is RETRY else []
        kind, word = deciding.word(decision, promotion, rollout, who, given, taken)
        words = approval(promotion, rollout, who)[1] if decision is APPROVE else ""
        shown = Shown.of(decision, promotion, rollout, word)
        return _About(session, shown, promotion, who, kind, word, words, given.text("reason"))

    def _page(
        self,
        request: Request,
        decision: Decision,
        about: _About | None,
        problem: str,
        status: int,
        texts: Mapping[str, str] | None = None,
    ) -> Response:
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        facts: dict[str, Any] = {
            "decision": decision,
            "about": about,
            "found": views.case(about.promotion) if about else None,
            "namespace": namespace,
            "name": name,
            "problem": problem,
            "fields": deciding.fields(decision, about.promotion) if about else [],
            "texts": texts or {},
            "accepted": without_data.accepted_so_far(about.promotion) if about else {},
            "look": decisions.to_confirm(about.promotion).get(about.shown.about, "") if about else "",
            "confirmations": CONFIRMATIONS,
            "form": viewer_of(request).form,
        }
        return self._screen.page(request, "decision.html", facts, status)


class _About:
    """A decision, ready to be told."""

    def __init__(
        self,
        session: Session,
        shown: Shown,
        promotion: Object,
        who: str,
        kind: str,
        word: dict[str, Any],
        words: str,
        reason: str,
    ) -> None:
        self._session = session
        self.promotion = promotion
        self.who = who
        self.kind = kind
        self._word = word
        self._reason = reason
        self.words = words
        self.shown = shown
        self.namespace = str(promotion["metadata"]["namespace"])
        self.name = str(promotion["metadata"]["name"])

    async def tell(self) -> str:
        """Write it; the name of the Promotion to look at then."""
        if self.kind == "New":
            return str((await self._session.create(self._word))["metadata"]["name"])
        if self.kind == "Promotion":
            await self._session.tell(self.promotion, self._word)
        else:
            await self._session.take_back(self.promotion, self._word, self._reason)
        return self.name


async def _rollout(session: Session, promotion: Object) -> Object | None:
    try:
        return await session.rollout(str(promotion["spec"]["rollout"]))
    except NotFound:
        return None


def _words(refusal: Exception) -> str:
    unknown = isinstance(refusal, Unavailable)
    return f"{refusal}. Whether it was done is not known: look before you try again." if unknown else str(refusal)


def _decision(request: Request) -> Decision:
    found = ALL.get(str(request.path_params["decision"]))
    if found is None:
        raise HTTPException(404, "there is no such decision")
    return found


async def _form(request: Request, longest: int) -> dict[str, list[str]]:
    length = request.headers.get("content-length", "")
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded" or not length.isdecimal() or int(length) > longest:
        raise HTTPException(400, "a form was expected")
    return parse_qs((await request.body()).decode("utf-8", "replace"))
