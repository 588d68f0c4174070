"""Templates of notices: plain text with `$name`, in the form of Python's string.Template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from string import Template
from typing import Annotated, cast

from pydantic import AfterValidator, Field

from slipway.api.model import Model, invalid
from slipway.api.notice import NoticeEvent

PLACEHOLDERS = (
    "changelog",
    "environment",
    "event",
    "issue",
    "issues",
    "namespace",
    "promotion",
    "releaseNotes",
    "revision",
    "rollout",
    "statusPage",
    "subject",
    "text",
    "time",
    "version",
)
TITLE = "Slipway: $subject: $event"
BODY = "$text"
JSON_BODY = '{"event": "$event", "subject": "$subject", "text": "$text", "time": "$time"}'

# What wakes a whole room in chat programs. A zero-width space keeps it readable and takes its effect.
_MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[!@&])", re.IGNORECASE)
_CONTROL = re.compile(r"[^\S\n]|[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def _known(text: str) -> str:
    template = Template(text)
    if not template.is_valid():
        raise invalid("a $ that begins no placeholder", "$$ for a dollar sign")
    for name in template.get_identifiers():
        if name not in PLACEHOLDERS:
            raise invalid(f"there is no placeholder ${name}", ", ".join(f"${known}" for known in PLACEHOLDERS))
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_known)]


class NoticeTemplate(Model):
    """How a notice looks. Placeholders: `$name` or `${name}`; `$$` is a dollar sign."""

    title: Pattern | None = None
    """A line."""
    body: Pattern | None = None
    """The rest."""


Templates = Mapping[NoticeEvent, NoticeTemplate]


def render(event: str, values: Mapping[str, str], templates: tuple[Templates, ...]) -> tuple[str, str]:
    """Title and body of a notice; of several templates the first that has the part counts."""
    said = [found for found in (mapping.get(cast(NoticeEvent, event)) for mapping in templates) if found is not None]
    title = next((one.title for one in said if one.title), TITLE)
    body = next((one.body for one in said if one.body), BODY)
    filled = _filled(event, values)
    return _line(Template(title).substitute(filled)), Template(body).substitute(filled).strip()


def render_json(event: str, values: Mapping[str, str], templates: Templates) -> str:
    """The body of a webhook: JSON, in which each value is the inside of a string."""
    template = templates.get(cast(NoticeEvent, event))
    return _json(template.body if template and template.body else JSON_BODY, _filled(event, values))


def is_json(body: str) -> bool:
    """Whether a body is JSON once its placeholders are replaced."""
    try:
        json.loads(_json(body, dict.fromkeys(PLACEHOLDERS, "x")))
    except ValueError:
        return False
    return True


def _json(body: str, filled: Mapping[str, str]) -> str:
    return Template(body).substitute({name: json.dumps(value)[1:-1] for name, value in filled.items()})


def _filled(event: str, values: Mapping[str, str]) -> dict[str, str]:
    given = {name: _harmless(value) for name, value in values.items()}
    return dict.fromkeys(PLACEHOLDERS, "") | given | {"event": event}


def _harmless(value: str) -> str:
    """Values come from tenants: their words must neither ring everybody nor break a line protocol."""
    return _MENTION.sub(lambda found: f"{found[0]}\u200b", _CONTROL.sub(" ", value))


def _line(text: str) -> str:
    return " ".join(text.split())
