"""The Services of a Rollout, and the routes that lead to them."""

from typing import Annotated, Literal

from pydantic import Field

from slipway.api.extensions import list_map
from slipway.api.model import Model, unique
from slipway.api.names import Subdomain
from slipway.api.port import PortName, PortNumber, PortReference


class ServicePort(Model):
    """A port of the live Service and of those beside it.

    No field has a default here: ports are part of the revision, and its digest must not depend on the
    operator's version.
    """

    name: PortName
    """Name of the port, unique within the Service."""
    port: PortNumber
    """The port that the Service listens on."""
    target_port: PortReference | None = None
    """The port of the pods, by number or by name. Absent: the same number as `port`."""
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """Absent: TCP."""
    app_protocol: Annotated[str, Field(max_length=253)] | None = None
    """The application protocol, as in a Service: `http`, `kubernetes.io/h2c` and so on."""


class ServiceSpec(Model):
    """The Services that the operator creates and owns.

    Named `<rollout>` (live), `<rollout>-preview` (the waiting candidate, for smoke tests and people) and, for
    a canary, `<rollout>-candidate`.
    """

    ports: Annotated[list[ServicePort], Field(min_length=1, max_length=20), unique("name"), list_map("name")]
    """The ports. They are part of the revision: the live Service gets them at the switch."""


class HTTPRouteRef(Model):
    """An existing HTTPRoute of the Gateway API in the Rollout's namespace."""

    name: Subdomain
    """Name of the HTTPRoute."""


class Traffic(Model):
    """How requests find the revisions."""

    http_routes: Annotated[list[HTTPRouteRef], Field(max_length=16), unique("name"), list_map("name")] = Field(
        default_factory=list
    )
    """HTTPRoutes that list both `<rollout>` and `<rollout>-candidate` as backends; only these two weights are
    edited."""
