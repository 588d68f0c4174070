"""What a pod template shows by itself: images that do not move, no secrets in plain text, limits, no root.

Pure and total: the template is what a user wrote, and the API server has its own say on whether it is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from slipway.api.check_status import CheckStatus
from slipway.core.checking import Result, outcome
from slipway.core.containers import AS_STARTED, containers
from slipway.core.enumerating import some
from slipway.core.literals import literal, secret_name, secret_shape, secret_variable

Template = Mapping[str, Any]

_HASH = re.compile(r"[0-9a-f]{7,64}")
_DIGEST = "@sha256:"
_TAG_WORDS = re.compile(r"[-._]")


def image_pinned(template: Template) -> CheckStatus:
    """Every image has a digest, or a tag with a number. A registry can move any tag, so it is said who rests on one."""
    by_tag: dict[str, None] = {}
    for where, container in _containers(template):
        name = str(container.get("image") or "")
        why = _moves(name)
        if not why and _DIGEST not in name:
            by_tag[name] = None
        if why:
            image = name or "no image"
            message = f"{where}.image: {image} {why}: name a digest (…@sha256:…), or the tag of one version or commit"
            return outcome("image-pinned", "Security", Result.FAILED, message)
    words = "every image has a digest"
    if by_tag:
        words += f" or a tag with a number; tags can be moved, only a digest cannot: {some(list(by_tag))}"
    return outcome("image-pinned", "Security", Result.PASSED, words)


def _moves(image: str) -> str:
    """Why what is behind this name is bound to change; '' with a digest, or a tag with a digit and without `latest`."""
    if _DIGEST in image:
        return ""
    name = image.rpartition("/")[2]
    _, colon, tag = name.partition(":")
    if not colon or not tag:
        return "has no tag, which means latest"
    if "latest" in _TAG_WORDS.split(tag.lower()):
        return "moves with each push"
    if not any(letter.isdigit() for letter in tag) and not _HASH.fullmatch(tag):
        return f"has a tag without a number, such as a branch has ({tag})"
    return ""


def no_secret_literals(template: Template) -> CheckStatus:
    """No variable or argument holds in plain text what has the name or the look of a secret. Never shows a value."""
    for where, container in _containers(template):
        found = next(_secrets(where, container), "")
        if found:
            advice = "put it into a Secret and take it from there with valueFrom.secretKeyRef"
            message = f"{found}: everybody who may read the Deployment reads it; {advice}"
            return outcome("no-secret-literals", "Security", Result.FAILED, message)
    words = "no variable or argument looks like a secret in plain text"
    return outcome("no-secret-literals", "Security", Result.PASSED, words)


def _secrets(where: str, container: Mapping[str, Any]) -> Iterator[str]:
    for index, variable in enumerate(_list(container.get("env"))):
        if not isinstance(variable, Mapping) or variable.get("value") is None:
            continue
        name, value = str(variable.get("name") or ""), str(variable["value"])
        if secret_variable(name, value):
            yield f"{where}.env[{index}] ({name}) looks like a secret in plain text"
    for part in ("command", "args"):
        words = [str(word) for word in _list(container.get(part))]
        for index, word in enumerate(words):
            following = words[index + 1] if index + 1 < len(words) else ""
            if secret_shape(word) or _secret_option(word, following):
                yield f"{where}.{part}[{index}] looks like a secret in plain text"


def _secret_option(word: str, following: str) -> bool:
    """`--password=…`, or `--password` and the next word."""
    if not word.startswith("-"):
        return False
    name, equals, value = word.partition("=")
    if not equals:
        value = "" if following.startswith("-") else following
    return secret_name(name) and literal(value)


def resources_set(template: Template) -> CheckStatus:
    """Every container that keeps running says how much memory it needs, and where it ends."""
    for where, container in _containers(template):
        if ".initContainers[" in where and container.get("restartPolicy") != "Always":
            continue
        resources = _map(container.get("resources"))
        for part in ("requests", "limits"):
            # A limit without a request is a request too: so does the API server read it.
            if part == "requests" and _map(resources.get("limits")).get("memory"):
                continue
            if not _map(resources.get(part)).get("memory"):
                message = (
                    f"{where}.resources.{part}.memory is missing: set it, so that one version cannot take the memory"
                    " of others on its node"
                )
                return outcome("resources-set", "Operations", Result.FAILED, message)
    return outcome("resources-set", "Operations", Result.PASSED, "memory is requested and limited everywhere")


def non_root(template: Template) -> CheckStatus:
    """Every container says that it does not run as root."""
    pod = _map(_map(template.get("spec")).get("securityContext"))
    for where, container in _containers(template):
        own = _map(container.get("securityContext"))
        says, user = (own.get(key, pod.get(key)) for key in ("runAsNonRoot", "runAsUser"))
        if user == 0 or not (says is True or (isinstance(user, int) and user > 0)):
            message = (
                f"{where} may run as root: set spec.template.spec.securityContext.runAsNonRoot: true, with a user in"
                " the image or in runAsUser"
            )
            return outcome("non-root", "Security", Result.FAILED, message)
    return outcome("non-root", "Security", Result.PASSED, "no container runs as root")


TEMPLATE_CHECKS: Mapping[str, Callable[[Template], CheckStatus]] = {
    "image-pinned": image_pinned,
    "no-secret-literals": no_secret_literals,
    "resources-set": resources_set,
    "non-root": non_root,
}
"""By name. A Promotion may say of each that it does not apply, with a reason."""


def _containers(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group, index, container in containers(template, AS_STARTED):
        yield f"spec.template.spec.{group}[{index}]", container


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
