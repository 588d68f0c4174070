"""The operator's configuration file: what an administrator decides, never a tenant.

It names the metrics sources that Rollouts refer to, and the operator's own timings. An example:

    sources:
    - name: default
      url: https://prometheus.monitoring.svc:9090
      ca: /etc/slipway/prometheus-ca.crt
      tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
      headers: {X-Scope-OrgID: shop}
      dialect: http
    drainDelay: 10s
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from slipway.api.duration import Duration, SecondsUp
from slipway.api.model import Model, unique
from slipway.api.query import check_query
from slipway.metrics.dialects import Dialect, Preset
from slipway.notifying.cdevents import CDEvents
from slipway.notifying.records import RecordWebhook
from slipway.notifying.settings import Notifications

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"


class ConfigError(Exception):
    """The configuration cannot be used. A line per problem: the field's path and what is wrong."""


def _source_url(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port or 1
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise ValueError("expected http://host[:port][/prefix] or https://…")
    if parts.username is not None:
        raise ValueError("credentials do not belong into a URL: use tokenFile or headers")
    if parts.query or parts.fragment:
        raise ValueError("a query or fragment has no place here")
    return url.rstrip("/")


def _header_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text != text.strip() or not text.isascii() or not text.isprintable():
        raise ValueError("expected printable ASCII without blanks around it")
    return value


HeaderName = Annotated[str, Field(pattern=HEADER_NAME, max_length=128)]
Query = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(check_query)]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]


class Source(Model):
    """A metrics source: a server with Prometheus' HTTP API, such as Prometheus itself, Thanos or Mimir."""

    name: Annotated[str, Field(pattern=DNS_LABEL)]
    """What `analysis.source` of a Rollout says."""
    url: Annotated[str, AfterValidator(_source_url)]
    """Up to, and without, `/api/v1`."""
    ca: Path | None = None
    """PEM bundle that replaces the default certificate authorities for this source."""
    token_file: Path | None = None
    """File with a bearer token. Read again for every query, since Kubernetes rotates its tokens."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """Sent with every query, for example `X-Scope-OrgID`. Values are never logged."""
    headers_file: Path | None = None
    """File with further headers, one `Name: value` a line, such as Authorization. Read again for every query."""
    dialect: Dialect = "http"
    """Whose metrics the preset queries read."""
    presets: dict[Preset, Query] = Field(default_factory=dict)
    """PromQL that replaces the dialect's query of a preset. Placeholders as in a gate's query."""
    timeout: SecondsUp = timedelta(seconds=10)
    """For a whole query: waiting for a free slot, connecting, and the answer to its last byte."""
    max_concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """Queries that this source is sent at the same time. Others wait, as part of their timeout."""

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        if self.token_file and any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("tokenFile and an Authorization header exclude each other")
        return self


class LeaderElection(Model):
    """Timings of the Lease, with the rules and defaults of client-go's leader election."""

    lease_duration: SecondsUp = timedelta(seconds=15)
    """How long others wait after the last renewal that they saw before they take over."""
    renew_deadline: SecondsUp = timedelta(seconds=10)
    """How long a leader that cannot renew still acts as one."""
    retry_period: SecondsUp = timedelta(seconds=2)
    """Between two attempts to acquire or renew."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.lease_duration > self.renew_deadline > self.retry_period:
            raise ValueError("expected leaseDuration > renewDeadline > retryPeriod")
        return self


class Records(Model):
    """How long launch records are kept, without either limit for ever, and where they are sent."""

    keep: Annotated[int, Field(ge=1)] | None = None
    """How many of each Rollout."""
    max_age: SecondsUp | None = None
    """Older ones go when the next record is written."""
    webhook: RecordWebhook | None = None
    """Where each record is sent as soon as it is written."""


class Tracing(Model):
    """Where launches are told of as traces, by OTLP over HTTP."""

    endpoint: Annotated[str, AfterValidator(_source_url)]
    """Up to, and without, `/v1/traces`."""
    ca: Path | None = None
    """PEM bundle that replaces the default certificate authorities."""
    headers_file: Path | None = None
    """File with headers, one `Name: value` a line, such as Authorization. Read again for every request."""
    timeout: SecondsUp = timedelta(seconds=10)
    """For one request."""


class OwnMetrics(Model):
    """The operator's own metrics."""

    max_rollouts: Annotated[int, Field(ge=0, le=100_000)] = 2000
    """How many Rollouts, and how many Promotions, have series of their own."""


class Config(Model):
    """The whole file. Every field has a default; without sources, gates measure nothing and hold."""

    sources: Annotated[list[Source], unique("name")] = Field(default_factory=list)
    """Metrics sources by name."""
    drain_delay: Duration = timedelta(seconds=10)
    """How long pods stay after it was verified that no traffic goes to them any more."""
    gateway_settle: Duration = timedelta(seconds=3)
    """How long a gateway is given to follow a change of a route or a Service."""
    resync_interval: SecondsUp = timedelta(minutes=5)
    """Between two full listings that repair the cache after lost watch events."""
    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """Rollouts and Promotions that are reconciled at the same time."""
    notifications: Notifications = Notifications()
    """Whom to tell of what happens to Promotions."""
    cdevents: CDEvents | None = None
    """Where launches are told of as CDEvents."""
    leader_election: LeaderElection = LeaderElection()
    """Timings of the Lease that decides which replica acts."""
    records: Records = Records()
    """What becomes of launch records."""
    tracing: Tracing | None = None
    """Where launches are told of as traces."""
    metrics: OwnMetrics = OwnMetrics()
    """The operator's own metrics."""
    namespaces: list[Annotated[str, Field(pattern=DNS_LABEL)]] = Field(default_factory=list)
    """Namespaces to act in. Empty: all."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least important level that is logged."""


def parse_config(text: str) -> Config:
    """The configuration in `text` (YAML); ConfigError where it is none. An empty text is all defaults."""
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{at}not YAML: {getattr(error, 'problem', None) or 'cannot be read'}") from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError("expected a mapping at the top level")
    if "apiVersion" in data and "kind" in data:
        raise ConfigError(
            "this is a Kubernetes object: the configuration is the text in it, which docs/operations.md takes out"
        )
    try:
        # By alias alone: the file has one spelling, that of the documentation.
        return Config.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        problems = error.errors()
        # `from None`: the chained error would print inputs, and header values among them.
        raise ConfigError("\n".join(f"{_path(p)}: {_words(p)}" for p in problems)) from None


def load_config(path: Path) -> Config:
    """The configuration in the file at `path`; ConfigError, with that path, where it cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path}: {reason}") from None
    try:
        return parse_config(text)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None


def _path(problem: ErrorDetails) -> str:
    path = ""
    for part in problem["loc"]:
        if part == "[key]":
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    # A rule of slipway.api.model knows where below the value it was broken.
    return path + problem.get("ctx", {}).get("at", "") or "(top level)"


def _words(problem: ErrorDetails) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown field"
    message = problem["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
