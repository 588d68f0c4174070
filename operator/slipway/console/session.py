"""A connection as whoever runs the command, and what every command looks at.

What connects takes a second to be imported: only once it is needed, so that `--help` and `lint` answer at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from slipway.archive.reading import Chain, chains_of
from slipway.cluster.api import Object, Objects
from slipway.cluster.errors import APIError, Forbidden, NoCluster, NotFound
from slipway.cluster.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    PODS,
    PROMOTIONS,
    ROLLOUT_LABEL,
    ROLLOUTS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_REVIEWS,
    SERVICES,
    Resource,
)
from slipway.console import completion, own_name
from slipway.console.decisions import CannotSay
from slipway.console.saying import say
from slipway.core import charge

if TYPE_CHECKING:
    from slipway.cluster.client import Client

UNSEEN = "no operator has looked at it yet"
"""Where a status has no message."""

FIELD_MANAGER = "kubectl-slipway"
"""Not the operator's: what people write through this program is theirs."""


def after_equals(given: str | None) -> str | None:
    """`json` of `-o=json`, as kubectl reads it."""
    return given.removeprefix("=") if given else given


Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="Default: that of the kubeconfig's context.",
        callback=after_equals,
        autocompletion=completion.namespaces,
    ),
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="All namespaces.")]
Context = Annotated[
    str | None,
    typer.Option(help="The context of the kubeconfig. Default: its current one.", autocompletion=completion.contexts),
]
Kubeconfig = Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG or ~/.kube/config.")]

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Scope:
    """Where to look: a namespace, or None for all."""

    kubeconfig: Path | None
    context: str | None
    namespace: str | None


def scope(kubeconfig: Path | None, context: str | None, namespace: str | None, everywhere: bool = False) -> Scope:
    """What the options of a command mean; all namespaces go before one, as with kubectl.

    The context is named also where none is given: another one may be current when credentials are loaded again, and
    in a pod a kubeconfig goes before the service account.
    """
    from slipway.cluster.credentials import current_context, namespace_of_context

    # It warns about a kubeconfig that is not there, twice; the error that follows says so too.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
    chosen = context or current_context(kubeconfig)
    where = None if everywhere else namespace or namespace_of_context(kubeconfig, chosen)
    return Scope(kubeconfig, chosen, where)


_COMMON: dict[str, tuple[Any, Any]] = {
    "namespace": (Namespace, None),
    "context": (Context, None),
    "kubeconfig": (Kubeconfig, None),
}
_ALL = {"everywhere": (Everywhere, False)}


def located(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which cluster and namespace; it takes them as `where`."""
    return _with_options(command, _COMMON)


def located_anywhere(command: Callable[..., None]) -> Callable[..., None]:
    """The same, with -A for all namespaces: `where.namespace` is None then."""
    return _with_options(command, _COMMON | _ALL)


def _with_options(command: Callable[..., None], options: dict[str, tuple[Any, Any]]) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)

    @functools.wraps(command)
    def run(**given: Any) -> None:
        asked = {name: given.pop(name) for name in options}
        command(**given, where=scope(**asked))

    own = [parameter for name, parameter in signature.parameters.items() if name != "where"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    # Typer asks both of these for the options of a command.
    run.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *shared)}
    return run


class Workload(NamedTuple):
    """What runs of a Rollout."""

    deployments: Objects
    pods: Objects
    unread: Sequence[str] = ()
    """In words what may not be read; it is empty above then, which says nothing about what is there."""


class Session:
    """Reads and patches with the user's own rights. Raises APIError and NoCluster."""

    def __init__(self, client: Client, namespace: str | None) -> None:
        self._client = client
        self.namespace = namespace

    def within(self, namespace: str) -> Session:
        """The same connection, for one namespace."""
        return Session(self._client, namespace)

    async def rollouts(self) -> list[Object]:
        """Those of the namespace, by their names."""
        found, _ = await self._client.list(ROLLOUTS, self.namespace)
        return sorted(found, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))

    async def rollout(self, name: str) -> Object:
        """One Rollout. Raises NotFound."""
        return await self._client.get(ROLLOUTS, self.namespace, name)

    async def promotions(self, rollout: str | None = None) -> list[Object]:
        """Those of the namespace or of one Rollout, the oldest first."""
        found, _ = await self._client.list(PROMOTIONS, self.namespace)
        mine = [one for one in found if rollout in (None, (one.get("spec") or {}).get("rollout"))]
        return sorted(mine, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))

    async def promotion(self, name: str) -> Object:
        """The Promotion of this name; or, for the name of a Rollout, the one in charge of it. Raises NotFound."""
        try:
            return await self._client.get(PROMOTIONS, self.namespace, name)
        except NotFound as missing:
            try:
                status = (await self.rollout(name)).get("status") or {}
            except NotFound:
                raise missing from None
            if not status.get("promotion"):
                raise NotFound(
                    f"Rollout {name} has no Promotion in charge: {status.get('message') or UNSEEN}"
                ) from None
            return await self._client.get(PROMOTIONS, self.namespace, str(status["promotion"]))

    async def workload(self, namespace: str, rollout: str) -> Workload:
        """The Deployments and the pods of a Rollout; none where only Slipway's own resources may be read."""
        selector = f"{ROLLOUT_LABEL}={rollout}"
        try:
            (deployments, _), (pods, _) = await asyncio.gather(
                self._client.list(DEPLOYMENTS, namespace, selector), self._client.list(PODS, namespace, selector)
            )
        except Forbidden as refusal:
            return Workload([], [], (f"Deployments and pods: {refusal}",))
        return Workload(deployments, pods)

    async def workloads(self, rollout: str | None = None) -> tuple[dict[tuple[str, str], Workload], bool]:
        """The same for every Rollout of the session's scope, or for one, by namespace and name, by one list of each.

        And whether they may be read at all.
        """
        selector = f"{ROLLOUT_LABEL}={rollout}" if rollout else ROLLOUT_LABEL
        try:
            (deployments, _), (pods, _) = await asyncio.gather(
                self._client.list(DEPLOYMENTS, self.namespace, selector),
                self._client.list(PODS, self.namespace, selector),
            )
        except Forbidden:
            return {}, False
        found: dict[tuple[str, str], Workload] = {}
        for one in deployments:
            found.setdefault(_owner(one), Workload([], [])).deployments.append(one)
        for one in pods:
            found.setdefault(_owner(one), Workload([], [])).pods.append(one)
        return found, True

    async def deployment(self, name: str) -> Object:
        """One Deployment. Raises NotFound."""
        return await self._client.get(DEPLOYMENTS, self.namespace, name)

    async def service(self, name: str) -> Object:
        """One Service. Raises NotFound."""
        return await self._client.get(SERVICES, self.namespace, name)

    async def one(self, kind: Resource, name: str) -> Object:
        """Any object of the namespace. Raises NotFound, also where the cluster has no such kind."""
        return await self._client.get(kind, self.namespace, name)

    async def all(self, kind: Resource) -> list[Object]:
        """All objects of a kind in the namespace. Raises NotFound where the cluster has no such kind."""
        found, _ = await self._client.list(kind, self.namespace if kind.namespaced else None)
        return found

    async def me(self) -> str:
        """The name under which the API server knows whoever runs this."""
        asked: Object = {"metadata": {}}
        answer = await self._client.create(SELF_SUBJECT_REVIEWS, asked)
        return str(answer["status"]["userInfo"]["username"])

    async def my_name(self) -> str:
        """The same for words that must not wait for an answer to that; '' where there is none."""
        try:
            return await self.me()
        except APIError:
            return ""

    async def may(self, verb: str, kind: Resource, name: str = "") -> bool:
        """Whether whoever runs this may, for what is offered: the API server judges anew when it is done.

        In the session's namespace.
        """
        about = {"group": kind.group, "resource": kind.plural, "verb": verb, "namespace": self.namespace or ""}
        asked: Object = {"metadata": {}, "spec": {"resourceAttributes": about | ({"name": name} if name else {})}}
        answer = await self._client.create(SELF_SUBJECT_ACCESS_REVIEWS, asked)
        return bool((answer.get("status") or {}).get("allowed"))

    async def tell(self, promotion: Object, spec: Object) -> Object:
        """Patch the spec of this very Promotion."""
        return await self._patch(PROMOTIONS, promotion, spec)

    async def create(self, promotion: Object) -> Object:
        """Make a Promotion."""
        return await self._client.create(PROMOTIONS, promotion)

    async def tell_rollout(self, rollout: Object, spec: Object) -> Object:
        """Patch the spec of this very Rollout. Who may not is told which role does, as a Forbidden."""
        try:
            return await self._patch(ROLLOUTS, rollout, spec)
        except Forbidden as error:
            meta = rollout["metadata"]
            words = (
                f"{error}. After its success a launch is taken back on the Rollout, which slipway-approver alone may"
                " not change. Let an editor of the namespace do it, or have an administrator bind the role:"
                f" kubectl -n {meta['namespace']} create rolebinding on-call --clusterrole=slipway-editor --user=NAME"
            )
            raise Forbidden(words, error.status, error.reason) from error

    async def take_back(self, promotion: Object, spec: Object, reason: str) -> bool:
        """Take back a launch that has succeeded by this patch of its Rollout; whether that is what was written.

        While it is watched the Promotion keeps the reason and the name: who may change nothing else says it there, and
        it is all that is needed; for others it is a note, on which nothing hangs. Raises Forbidden, and CannotSay where
        its revision does not serve any more: the word would wait on the Rollout until that revision is launched again.
        """
        watched = (promotion.get("status") or {}).get("phase") == charge.WATCHING
        rollout = await self.rollout(str(promotion["spec"]["rollout"]))
        _still_there(rollout, str(spec["abort"]))
        try:
            await self.tell_rollout(rollout, spec)
        except Forbidden:
            if not watched:
                raise
            await self._say_why(promotion, reason)
            return False
        if watched:
            with contextlib.suppress(APIError):
                await self._say_why(promotion, reason)
        return True

    async def _say_why(self, promotion: Object, reason: str) -> None:
        await self.tell(promotion, own_name.beside({"abort": reason}, promotion, await self.my_name()))

    async def _patch(self, kind: Resource, obj: Object, spec: Object) -> Object:
        """Only this object: another one of its name is a Conflict."""
        meta = obj["metadata"]
        patch = {"metadata": {"uid": meta["uid"]}, "spec": spec}
        return await self._client.merge_patch(kind, meta["namespace"], meta["name"], patch)

    async def text(self, namespace: str, name: str, key: str) -> str:
        """One key of a ConfigMap. Raises NotFound, also where the key is missing."""
        data = (await self._client.get(CONFIG_MAPS, namespace, name)).get("data") or {}
        if key not in data:
            raise NotFound(f"ConfigMap {name} has no key {key}")
        return str(data[key])

    async def records(self) -> list[Chain]:
        """The launch records of the namespace, by their Rollouts."""
        return await chains_of(self._client, self.namespace)


def _owner(one: Object) -> tuple[str, str]:
    """Namespace and name of the Rollout that its label names."""
    return str(one["metadata"]["namespace"]), str(one["metadata"]["labels"][ROLLOUT_LABEL])


def _still_there(rollout: Object, revision: str) -> None:
    """Raises CannotSay unless the operator acts at once on a word about this revision: also as the candidate."""
    status = rollout.get("status") or {}
    stable, candidate = ((status.get(role) or {}).get("revision") for role in ("stable", "candidate"))
    if revision not in (stable, candidate):
        raise CannotSay(f"revision {revision} does not serve any more; {stable or 'none'} does")


def with_session(where: Scope, ask: Callable[[Session], Awaitable[Answer]]) -> Answer:
    """Connect, ask, close. What the cluster refuses is said on stderr, with exit code 2."""

    from slipway.cluster.client import Client

    async def asked() -> Answer:
        client = Client(where.kubeconfig, context=where.context, field_manager=FIELD_MANAGER)
        try:
            return await ask(Session(client, where.namespace))
        finally:
            await client.close()

    try:
        return asyncio.run(asked())
    except (APIError, NoCluster) as error:
        # The likeliest reason for a name that is not found is that it is looked for elsewhere.
        elsewhere = f" in namespace {where.namespace}; -n names another one" if _by_name(error, where) else ""
        say(f"{error}{elsewhere}", err=True)
        raise typer.Exit(2) from None


def _by_name(error: Exception, where: Scope) -> bool:
    return isinstance(error, NotFound) and error.reason == "NotFound" and where.namespace is not None
