"""The pages that are looked at. Each is made of fragments, which are sent again when they change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.errors import APIError, NoCluster, Unavailable
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS, Resource
from slipway.console import decisions, explain
from slipway.console.whole import smoke_tests
from slipway.core.conditions import find
from slipway.dashboard import charts, deciding, report, timeline, views
from slipway.dashboard.board import AGAIN, Board
from slipway.dashboard.done import Done
from slipway.dashboard.door import PICTURE_POLICY
from slipway.dashboard.screen import Screen
from slipway.dashboard.viewer import viewer_of
from slipway.dashboard.workloads import Workloads

PACE = 0.5
"""Seconds between two looks for what has changed: a launch writes its status several times a second."""

APPEARS = 5.0
"""Seconds until what was made is seen at the latest."""

LOOKS = 5.0
"""Seconds after which an open page of a Rollout counts its pods again, of which the board hears nothing."""

GRACE = 2.0
"""Seconds in which open pages hear that the server ends."""

Facts = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """One kind of page. `facts` raises HTTPException 404 for what is not there; APIError where that is not known."""

    template: str
    fragments: Sequence[str]
    facts: Callable[[Request], Awaitable[Facts]]
    once: Callable[[Request, Facts], Awaitable[Facts]] | None = None
    """What is read when the page is opened, and not again while it is."""
    since: Callable[[Request], Facts] | None = None
    """What stood there when it was opened, as an open page says."""
    looks: float = math.inf
    """Seconds after which it is made again though nothing on the board has changed."""


class Pages:
    """Handlers for the browser."""

    def __init__(self, board: Board, screen: Screen, done: Done) -> None:
        self._board = board
        self._screen = screen
        self._done = done
        self._workloads = Workloads()
        self.overview = Page("overview.html", ("said", "waiting", "rollouts"), self._overview)
        self.rollout = Page(
            "rollout.html",
            ("said", "rollout", "revisions", "candidate", "gates", "history"),
            self._rollout,
            looks=LOOKS,
        )
        self.promotion = Page(
            "promotion.html",
            ("said", "stale", "promotion", "decisions", "checks", "timeline"),
            self._promotion,
            self._opened,
            _read_before,
        )

    def show(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A handler of the whole page."""

        async def shown(request: Request) -> Response:
            await self._board.ready()
            facts = await page.facts(request)
            more = await page.once(request, facts) if page.once else {}
            fragments = {
                name: (_digest(html), html)
                for name in page.fragments
                for html in [self._fragment(request, name, facts)]
            }
            return self._screen.page(request, page.template, {**facts, **more, "fragments": fragments})

        return shown

    def live(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A handler of the page's changes, for as long as it is open."""

        async def events(request: Request, ending: anyio.Event) -> AsyncIterator[ServerSentEvent]:
            sent: dict[str, str] = {}
            lasts = viewer_of(request).lasts
            until = anyio.current_time() + (math.inf if lasts is None else lasts)
            while not ending.is_set() and anyio.current_time() < until:
                version, failed = self._board.version, False
                try:
                    facts = await page.facts(request) | (page.since(request) if page.since else {})
                except HTTPException:
                    yield ServerSentEvent(event="gone", data="")
                    return
                except (APIError, NoCluster) as error:
                    failed, old = True, {"said": "", "problems": [str(error)]}
                    fragments = {"said": self._screen.render(request, "fragments/said.html", old)}
                else:
                    fragments = {name: self._fragment(request, name, facts) for name in page.fragments}
                for name, html in fragments.items():
                    digest = _digest(html)
                    if sent.get(name) != digest:
                        sent[name] = digest
                        yield ServerSentEvent(json.dumps({"name": name, "digest": digest, "html": html}))
                if failed:
                    # It may be over though nothing on the board changes.
                    with anyio.move_on_after(AGAIN):
                        await ending.wait()
                    continue
                await anyio.sleep(PACE)
                with anyio.move_on_at(min(until, anyio.current_time() + page.looks)):
                    await self._change(version, ending)

        async def streamed(request: Request) -> Response:
            await self._board.ready()
            ending = anyio.Event()
            return EventSourceResponse(events(request, ending), shutdown_event=ending, shutdown_grace_period=GRACE)

        return streamed

    async def _change(self, version: int, ending: anyio.Event) -> None:
        """Wait for a change, or until the server ends."""

        async def ended() -> None:
            await ending.wait()
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ended)
            await self._board.after(version)
            tasks.cancel_scope.cancel()

    async def chart(self, request: Request) -> Response:
        """The course of a gate as a picture."""
        rollout = await self._found(ROLLOUTS, request)
        status = read_rollout_status(rollout)
        courses = self._board.measured.of(rollout)
        for one in views.gate_views(status.judged, courses):
            if one.gate.name == request.path_params["gate"] and one.course is not None:
                dark = request.query_params.get("scheme") == "dark"
                picture = charts.gate(list(one.course.points), one.limits, dark)
                # Its address names its edition, so that the browser may show it again.
                headers = {"Content-Security-Policy": PICTURE_POLICY, "Cache-Control": "private, max-age=300"}
                return Response(picture, media_type="image/svg+xml", headers=headers)
        # It may have been measured until a moment ago: the page that asks is about to hear of that.
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _overview(self, request: Request) -> Facts:
        viewer, lines, waiting = viewer_of(request), [], []
        for rollout in self._board.rollouts():
            if not await viewer.sees(str(rollout["metadata"]["namespace"])):
                continue
            lines.append(views.line(rollout))
            for promotion in self._board.promotions(rollout):
                if views.waits_for_people(promotion, rollout):
                    waiting.append(views.case(promotion))
        return {
            "environments": views.by_environment(lines),
            "waiting": waiting,
            "namespace": self._board.namespace,
            "said": f"{len(waiting)} waiting for a person" if waiting else "nothing waits for a person",
        }

    async def _rollout(self, request: Request) -> Facts:
        rollout = await self._found(ROLLOUTS, request)
        status, found = read_rollout_status(rollout), views.line(rollout)
        promotions = self._board.promotions(rollout)
        cases = [views.case(one) for one in reversed(promotions)]
        workload = await self._workloads.of(viewer_of(request).reading, found.namespace, found.name)
        return {
            "found": found,
            "status": status,
            "said": f"{found.name}: {status.phase}: {views.without_commands(status.message)}",
            "explained": views.more_than_said(list(explain.explain(rollout, promotions))),
            "shares": views.shares(status, workload.deployments),
            "gates": views.gate_views(status.judged, self._board.measured.of(rollout)),
            "smoke_tests": smoke_tests(status),
            "shifts": timeline.current(status, self._board.shifted.of(rollout)),
            "promotions": cases,
            "tried": timeline.tried(status, cases),
            "chart_size": charts.SIZE,
        }

    async def _promotion(self, request: Request) -> Facts:
        if "done" in request.query_params:
            # Another attempt is shown as soon as it was made; the watch brings it a moment later.
            await self._board.appears(request.path_params["namespace"], request.path_params["name"], APPEARS)
        promotion = await self._found(PROMOTIONS, request)
        found = views.case(promotion)
        rollout = self._board.rollout(found.namespace, found.rollout)
        shifts = self._board.shifted.of(rollout) if rollout else []
        current = found.status.report.digest if found.status.report else ""
        return {
            "found": found,
            "status": found.status,
            "said": f"{found.name}: {found.status.phase}: {views.without_commands(found.status.message)}",
            "offered": list(deciding.offered(promotion, rollout, await self._may_break(request, promotion))),
            "of_a_plan": deciding.OF_A_PLAN,
            "ended": deciding.has_ended(promotion),
            "to_confirm": decisions.to_confirm(promotion),
            "glass": find(found.status.conditions, "GlassBroken"),
            "steps": timeline.steps(found, read_rollout_status(rollout or {}), shifts),
            # What stood here when it was opened: an approval is about that and nothing newer.
            "plan_read": found.status.plan_hash,
            "report_read": current,
            "report_now": current,
            "shares": views.shares(read_rollout_status(rollout)) if rollout else [],
        }

    async def _opened(self, request: Request, facts: Facts) -> Facts:
        viewer, found = viewer_of(request), facts["found"]
        decision = request.query_params.get("done", "")
        return {
            "report": await report.read(viewer.reading, found.namespace, facts["status"]),
            "done": self._done.once(viewer.name, found.namespace, found.name, decision),
        }

    async def _may_break(self, request: Request, promotion: Object) -> bool:
        """Asked once for each page that is open, and only where it matters."""
        acting = viewer_of(request).acting
        if acting is None or not decisions.waits_for_window(promotion):
            return False
        known: bool | None = getattr(request.state, "may_break", None)
        if known is None:
            session = acting.within(str(promotion["metadata"]["namespace"]))
            with contextlib.suppress(APIError):
                known = await session.may("break-glass", ROLLOUTS, str(promotion["spec"]["rollout"]))
            known = bool(known)
            request.state.may_break = known
        return known

    async def _found(self, kind: Resource, request: Request) -> Object:
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        found = self._board.rollout(namespace, name) if kind is ROLLOUTS else self._board.promotion(namespace, name)
        if found is None and (why := self._board.unknown(kind)):
            raise Unavailable(why)
        if found is None or not await viewer_of(request).sees(namespace):
            raise HTTPException(404, f"there is no {namespace}/{name}, or it may not be seen")
        return found

    def _fragment(self, request: Request, name: str, facts: Facts) -> str:
        return self._screen.render(request, f"fragments/{name}.html", {**facts, "problems": self._board.problems})


def _read_before(request: Request) -> Facts:
    # Of the page's own script alone: the page itself shows what there is, whatever its address says. Else whoever
    # gives an address away could have a plan approved that was not shown.
    return {"plan_read": request.query_params.get("plan", ""), "report_read": request.query_params.get("report", "")}


def _digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:16]
