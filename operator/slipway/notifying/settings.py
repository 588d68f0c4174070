"""Whom to tell of what: a part of the operator's configuration. Addresses are in files, since they hold secrets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from slipway.api.duration import Duration, SecondsUp
from slipway.api.model import Model, invalid, unique
from slipway.api.names import Label
from slipway.api.notice import NoticeEvent
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.notifying.templates import NoticeTemplate, is_json


class Webhook(Model):
    """JSON over HTTP instead of Apprise, for issue trackers and the like. The body is that of the template."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """How it is sent."""
    headers_file: Path | None = None
    """File with headers, one `Name: value` a line, such as Authorization. Read again for every notice."""
    per_issue: bool = False
    """Sent for each of `communication.issues` of a Promotion, whose id replaces `$issue` in the URL."""


class Channel(Model):
    """Somewhere that people are reached, by a URL of Apprise or by a webhook."""

    name: Label
    """What routes, and `communication.notify` of a Promotion, say."""
    url_file: Path
    """File with the URL, as from a mounted Secret. Read again for every notice, so that it can be changed."""
    open: bool = False
    """Whether a Promotion may name it."""
    timeout: SecondsUp = timedelta(seconds=15)
    """For one attempt."""
    templates: dict[NoticeEvent, NoticeTemplate] = Field(default_factory=dict)
    """How notices look here, by event. Before the templates for all channels."""
    webhook: Webhook | None = None
    """JSON over HTTP: then the URL is that of the webhook, and each body of `templates` is JSON."""

    @model_validator(mode="after")
    def _bodies_are_json(self) -> Self:
        for event, template in self.templates.items() if self.webhook else ():
            if template.title or not is_json(template.body or ""):
                right = """a body that is JSON, such as '{"comment": "$text"}', and no title"""
                raise invalid("no template for a webhook", right, f".templates.{event}")
        return self


class Route(Model):
    """Which events of which environments go to which channels."""

    environments: list[Label] = Field(default_factory=list)
    """Empty: all."""
    events: list[NoticeEvent] = Field(default_factory=list)
    """Empty: all."""
    channels: Annotated[list[Label], Field(min_length=1)]
    """Names of channels."""


class RateLimit(Model):
    """How much a channel is sent. What is above it waits, and is given up after a while."""

    notices: Annotated[int, Field(ge=1, le=1000)] = 20
    """So many."""
    per: SecondsUp = timedelta(minutes=1)
    """In any span of this length."""


class Notifications(Model):
    """Whom to tell of what happens to Promotions. Without channels nobody is told."""

    channels: Annotated[list[Channel], unique("name")] = Field(default_factory=list)
    """Where people are reached."""
    routes: list[Route] = Field(default_factory=list)
    """Who is told of what. They add up."""
    templates: dict[NoticeEvent, NoticeTemplate] = Field(default_factory=dict)
    """How notices look, by event."""
    rate_limit: RateLimit = RateLimit()
    """For each channel."""
    repeat_after: Duration = timedelta(minutes=30)
    """How long the same notice of one Promotion is not repeated."""

    @model_validator(mode="after")
    def _channels_exist(self) -> Self:
        known = [channel.name for channel in self.channels]
        for number, route in enumerate(self.routes):
            for index, name in enumerate(route.channels):
                if name not in known:
                    right = ", ".join(known) or "there are none yet"
                    raise invalid(f"there is no channel {name}", right, f".routes[{number}].channels[{index}]")
        return self

    def for_decisions(self) -> NoticeRoutes:
        """What decisions need to know of it."""
        return NoticeRoutes(
            routes=tuple(
                NoticeRoute(
                    environments=frozenset(route.environments),
                    events=frozenset(route.events),
                    channels=tuple(route.channels),
                )
                for route in self.routes
            ),
            known=frozenset(channel.name for channel in self.channels),
            per_issue=frozenset(c.name for c in self.channels if c.webhook and c.webhook.per_issue),
            open=frozenset(channel.name for channel in self.channels if channel.open),
            repeat_after=self.repeat_after,
        )
