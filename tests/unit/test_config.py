from datetime import timedelta
from pathlib import Path

import pytest

from slipway.config import Config, ConfigError, load_config, parse_config

FULL = """
sources:
- name: default
  url: https://prometheus.monitoring.svc:9090/prefix/
  ca: /etc/slipway/ca.crt
  tokenFile: /var/run/token
  headers: {X-Scope-OrgID: shop}
  dialect: traefik
  presets: {error-rate: 'sum(x{pod=~"$(deployment)-.+"})'}
  timeout: 2s500ms
  maxConcurrency: 2
- {name: other, url: http://10.0.0.1:9090}
drainDelay: 0s
gatewaySettle: 1s
resyncInterval: 10m
workers: 4
leaderElection: {leaseDuration: 30s, renewDeadline: 20s, retryPeriod: 5s}
namespaces: [shop, shop-staging]
notifications:
  channels:
  - name: on-call
    urlFile: /etc/slipway/channels/on-call
    open: true
    timeout: 5s
    templates: {RolledBack: {body: $statusPage}}
  - {name: chat, urlFile: /etc/slipway/channels/chat}
  - name: tracker
    urlFile: /etc/slipway/channels/tracker
    webhook: {method: PUT, headersFile: /etc/slipway/channels/tracker-headers, perIssue: true}
    templates: {Launched: {body: '{"comment": "$text"}'}}
  routes:
  - {environments: [production], events: [AwaitingApproval, RolledBack], channels: [on-call]}
  - {channels: [chat]}
  templates: {Held: {title: "$rollout is held"}}
  rateLimit: {notices: 5, per: 10s}
  repeatAfter: 1h
logLevel: DEBUG
"""


def test_every_field_is_read() -> None:
    config = parse_config(FULL)
    [default, other] = config.sources
    assert default.name == "default"
    assert default.url == "https://prometheus.monitoring.svc:9090/prefix"
    assert default.ca == Path("/etc/slipway/ca.crt")
    assert default.token_file == Path("/var/run/token")
    assert default.headers["X-Scope-OrgID"].get_secret_value() == "shop"
    assert default.dialect == "traefik"
    assert default.presets == {"error-rate": 'sum(x{pod=~"$(deployment)-.+"})'}
    assert (default.timeout, default.max_concurrency) == (timedelta(seconds=2.5), 2)
    assert (other.dialect, other.timeout, other.max_concurrency) == ("http", timedelta(seconds=10), 4)
    assert config.drain_delay == timedelta(0)
    assert config.gateway_settle == timedelta(seconds=1)
    assert config.resync_interval == timedelta(minutes=10)
    assert config.workers == 4
    lease = config.leader_election
    assert (lease.lease_duration, lease.renew_deadline, lease.retry_period) == (
        timedelta(seconds=30),
        timedelta(seconds=20),
        timedelta(seconds=5),
    )
    assert config.namespaces == ["shop", "shop-staging"]
    assert config.log_level == "DEBUG"
    notifications = config.notifications
    [on_call, chat, tracker] = notifications.channels
    assert tracker.webhook is not None
    assert (tracker.webhook.method, tracker.webhook.per_issue) == ("PUT", True)
    assert tracker.webhook.headers_file == Path("/etc/slipway/channels/tracker-headers")
    assert (on_call.url_file, on_call.timeout) == (Path("/etc/slipway/channels/on-call"), timedelta(seconds=5))
    assert (on_call.templates["RolledBack"].body, chat.templates) == ("$statusPage", {})
    assert notifications.templates["Held"].title == "$rollout is held"
    assert (notifications.rate_limit.notices, notifications.rate_limit.per) == (5, timedelta(seconds=10))
    routes = notifications.for_decisions()
    assert routes.open == {"on-call"}
    assert routes.per_issue == {"tracker"}
    assert routes.repeat_after == timedelta(hours=1)
    assert routes.channels("production", "RolledBack") == ["on-call", "chat"]
    assert routes.channels("staging", "RolledBack") == ["chat"]
    assert routes.channels("production", "Launched", ["on-call"]) == ["chat", "on-call"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_is_all_defaults(text: str) -> None:
    config = parse_config(text)
    assert config == Config()
    assert config.sources == []
    assert config.drain_delay == timedelta(seconds=10)
    assert config.gateway_settle == timedelta(seconds=3)
    assert config.leader_election.lease_duration == timedelta(seconds=15)


SOURCE = "name: a, url: 'http://x'"
CHANNEL = "name: a, urlFile: /x"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense: 1", "nonsense: unknown field"),
        ("{apiVersion: v1, kind: ConfigMap, data: {config.yaml: ''}}", "this is a Kubernetes object"),
        ("drain_delay: 1s", "drain_delay: unknown field"),
        (f"sources: [{{{SOURCE}, bogus: 1}}]", "sources[0].bogus: unknown field"),
        ("sources: [{name: a}]", "sources[0].url: field required"),
        ("sources: [{url: 'http://x'}]", "sources[0].name: field required"),
        ("drainDelay: 10", "drainDelay: 10 is not a string"),
        ("drainDelay: soon", "drainDelay: 'soon' is no"),
        (f"sources: [{{{SOURCE}, timeout: 0s}}]", "sources[0].timeout: 0s is too short: at least 1s"),
        (f"sources: [{{{SOURCE}, maxConcurrency: 0}}]", "sources[0].maxConcurrency: "),
        (
            f"sources: [{{{SOURCE}, dialect: graphite}}]",
            "sources[0].dialect: input should be 'http', 'traefik'",
        ),
        (
            f"sources: [{{{SOURCE}, presets: {{p99: x}}}}]",
            "sources[0].presets.p99: input should be 'error-rate'",
        ),
        (
            f"sources: [{{{SOURCE}, presets: {{requests: 'x{{a=\"$(pod)\"}}'}}}}]",
            "sources[0].presets.requests: '$(pod)' is not replaced by anything: one of $(namespace)",
        ),
        (f"sources: [{{{SOURCE}}}, {{{SOURCE}}}]", "sources[1].name: 'a' is there twice"),
        ("sources: [{name: A_b, url: 'http://x'}]", "sources[0].name: "),
        ("sources: [{name: a, url: 'prometheus:9090'}]", "sources[0].url: expected http://host[:port]"),
        ("sources: [{name: a, url: 'file:///etc/passwd'}]", "sources[0].url: expected http://host[:port]"),
        ("sources: [{name: a, url: 'http://u:p@x'}]", "sources[0].url: credentials do not belong into a URL"),
        (
            "sources: [{name: a, url: 'http://token@x'}]",
            "sources[0].url: credentials do not belong into a URL",
        ),
        ("sources: [{name: a, url: 'http://x/?a=b'}]", "sources[0].url: a query or fragment"),
        ("sources: [{name: a, url: 'http://x:port'}]", "sources[0].url: expected http://host[:port]"),
        ("sources: [{name: a, url: 'http://[x'}]", "sources[0].url: "),
        (
            f"sources: [{{{SOURCE}, tokenFile: /t, headers: {{authorization: x}}}}]",
            "sources[0]: tokenFile and an Authorization header exclude each other",
        ),
        (f"sources: [{{{SOURCE}, headers: {{'a b': x}}}}]", "sources[0].headers.a b: "),
        (
            f'sources: [{{{SOURCE}, headers: {{a: "x\\r\\nb: y"}}}}]',
            "sources[0].headers.a: expected printable ASCII",
        ),
        ("leaderElection: {leaseDuration: 5s}", "leaderElection: expected leaseDuration > renewDeadline"),
        ("workers: many", "workers: "),
        ("logLevel: LOUD", "logLevel: "),
        ("namespaces: [Shop]", "namespaces[0]: "),
        ("namespaces: shop", "namespaces: "),
        (
            f"notifications: {{channels: [{{{CHANNEL}}}, {{{CHANNEL}}}]}}",
            "notifications.channels[1].name: 'a' is there twice",
        ),
        ("notifications: {channels: [{name: a}]}", "notifications.channels[0].urlFile: field required"),
        (
            "notifications: {channels: [{name: a, url: 'json://x'}]}",
            "notifications.channels[0].url: unknown field",
        ),
        (
            f"notifications: {{channels: [{{{CHANNEL}}}], routes: [{{channels: [b]}}]}}",
            "notifications.routes[0].channels[0]: there is no channel b: a",
        ),
        ("notifications: {routes: [{channels: []}]}", "notifications.routes[0].channels: "),
        (
            f"notifications: {{channels: [{{{CHANNEL}}}], routes: [{{events: [Gone], channels: [a]}}]}}",
            "notifications.routes[0].events[0]: input should be 'Planned'",
        ),
        (
            "notifications: {templates: {Held: {body: $who}}}",
            "notifications.templates.Held.body: there is no placeholder $who: $changelog",
        ),
        (
            f"notifications: {{channels: [{{{CHANNEL}, webhook: {{}}, templates: {{Held: {{body: '{{'}}}}}}]}}",
            "notifications.channels[0].templates.Held: no template for a webhook: a body that is JSON",
        ),
        (
            f"notifications: {{channels: [{{{CHANNEL}, webhook: {{}}, templates: {{Held: {{title: x}}}}}}]}}",
            "notifications.channels[0].templates.Held: no template for a webhook",
        ),
        (
            f"notifications: {{channels: [{{{CHANNEL}, webhook: {{method: GET}}}}]}}",
            "notifications.channels[0].webhook.method: input should be 'POST'",
        ),
        ("notifications: {templates: {Held: {body: 5 $}}}", "notifications.templates.Held.body: a $ that begins no"),
        ("- 1", "expected a mapping at the top level"),
        ("a: [", "line 1, column 5: not YAML"),
        ("!!python/object:os.system {}", "line 1, column 1: not YAML"),
    ],
)
def test_a_problem_is_named_with_its_path(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(text)
    [line] = [line for line in str(refused.value).splitlines() if line.startswith(problem)]
    assert line


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config("workers: 0\nlogLevel: LOUD\nbogus: 1")
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "workers",
        "logLevel",
        "bogus",
    ]


def test_header_values_appear_in_no_message_and_no_representation() -> None:
    good = f"sources: [{{{SOURCE}, headers: {{X-Key: s3cret}}}}]"
    assert "s3cret" not in repr(parse_config(good))
    for bad in ("X-Key: 's3cret\\t '", "X-Key: [s3cret]", "'X Key': s3cret"):
        with pytest.raises(ConfigError) as refused:
            parse_config(f"sources: [{{{SOURCE}, headers: {{{bad}}}}}]")
        assert "s3cret" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__


def test_a_file_is_named_where_it_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(ConfigError, match=r"config\.yaml: No such file or directory$"):
        load_config(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"config\.yaml: not UTF-8$"):
        load_config(path)
    path.write_text("workers: 0\nbogus: 1")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert [line.startswith(f"{path}: ") for line in str(refused.value).splitlines()] == [True, True]
    path.write_text(FULL)
    assert load_config(path).workers == 4
