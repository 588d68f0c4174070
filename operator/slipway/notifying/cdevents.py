"""Sends CDEvents: CloudEvents that tools of delivery understand, such as those that count deployments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from slipway.api.duration import SecondsUp
from slipway.api.model import Model
from slipway.api.names import Label
from slipway.core.cdevents import CHANNEL, EVENTS
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.notifying.webhook import send

SPECIFICATION = "0.5.1"
"""The version of CDEvents that is spoken."""
TYPE_VERSION = "0.3.0"
"""The version of its events about services and about runs of pipelines and tasks."""
CONTENT_TYPE = "application/cdevents+json"


class CDEvents(Model):
    """Where CDEvents go, as CloudEvents over HTTP in binary mode."""

    url_file: Path
    """File with the URL, as from a mounted Secret. Read again for every event."""
    headers_file: Path | None = None
    """File with headers, one `Name: value` a line, such as Authorization. Read again for every event."""
    environments: list[Label] = Field(default_factory=list)
    """Of which environments it is told. Empty: all."""
    source: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9._~:/-]+$")] = "/slipway"
    """What the events name as their source: where there are several clusters, another one in each."""
    timeout: SecondsUp = timedelta(seconds=15)
    """For one attempt."""


def routed(routes: NoticeRoutes, settings: CDEvents | None) -> NoticeRoutes:
    """The routes of notices with the one that leads here: what is sent is recorded and repeated as all notices are."""
    if settings is None:
        return routes
    here = NoticeRoute(environments=frozenset(settings.environments), events=EVENTS, channels=(CHANNEL,))
    return replace(
        routes, routes=(*routes.routes, here), known=routes.known | {CHANNEL}, machines=routes.machines | {CHANNEL}
    )


def attempt(settings: CDEvents, values: Mapping[str, str]) -> Callable[[], None]:
    """One attempt to send the CDEvent that the values of a notice describe."""
    headers, body = rendered(event_of(settings, values))
    return partial(send, settings.url_file, settings.headers_file, body, settings.timeout, headers)


def event_of(settings: CDEvents, values: Mapping[str, str]) -> dict[str, Any]:
    """The CDEvent. Its id is that of the notice: one that is sent twice is known by it."""
    known = {name: values[name] for name in ("namespace", "promotion", "revision", "version") if values[name]}
    return {
        "context": {
            "specversion": SPECIFICATION,
            "id": values["id"],
            "source": settings.source,
            "type": f"dev.cdevents.{values['cdEvent']}.{TYPE_VERSION}",
            "timestamp": values["time"],
        },
        "subject": _subject(values),
        "customData": known,
        "customDataContentType": "application/json",
    }


def _subject(values: Mapping[str, str]) -> dict[str, Any]:
    """The Rollout for what is about a service; the Promotion, as a run of a pipeline, for the steps of a launch."""
    namespace, rollout = values["namespace"], values["rollout"]
    kind = values["cdEvent"].partition(".")[0]
    if kind == "service":
        content: dict[str, Any] = {"environment": {"id": values["environment"]}}
        if values["artifactId"]:
            content["artifactId"] = values["artifactId"]
        return {"id": f"{namespace}/{rollout}", "content": content}
    run = f"{namespace}/{values['promotion']}"
    if kind == "taskrun":
        return {"id": values["id"], "content": {"taskName": "shift", "pipelineRun": {"id": run}}}
    outcome = {"outcome": values["outcome"]} if values["outcome"] else {}
    uri = f"urn:slipway:{namespace}:{values['promotion']}"
    return {"id": run, "content": {"pipelineName": rollout, "uri": uri, **outcome}}


def load() -> None:
    """Load what carries CDEvents, so that what is missing is told at the start and not in the middle of a launch."""
    import cloudevents.core.bindings.http
    import cloudevents.core.formats.json
    import cloudevents.core.v1.event  # noqa: F401


def rendered(event: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Headers and body of the CloudEvent that carries it."""
    # Loaded only where it is used, and then by `load` at the start.
    from cloudevents.core.bindings.http import to_binary
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    context = event["context"]
    attributes = {
        "id": context["id"],
        "source": context["source"],
        "type": context["type"],
        "subject": event["subject"]["id"],
        "time": datetime.fromisoformat(context["timestamp"]),
        "datacontenttype": CONTENT_TYPE,
    }
    message = to_binary(CloudEvent(attributes, json.dumps(event, sort_keys=True).encode()), JSONFormat())
    return dict(message.headers), message.body
