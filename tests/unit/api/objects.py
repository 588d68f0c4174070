"""Good and bad objects, asked of the models and, on a real API server, of the CRDs."""

from typing import Any, NamedTuple

PLAN = "sha256:" + "0" * 64
OTHER_PLAN = "sha256:" + "1" * 64


def rollout(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "environment": "production",
            "template": {"spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}},
            "service": {"ports": [{"name": "http", "port": 80, "targetPort": 9898}]},
            **spec,
        },
    }


def canary(*steps: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return rollout(strategy={"canary": {"steps": list(steps)}}, traffic={"httpRoutes": [{"name": "web"}]}, **spec)


def gates(*made: dict[str, Any]) -> dict[str, Any]:
    return rollout(analysis={"gates": list(made)})


def smoke_tests(*made: dict[str, Any]) -> dict[str, Any]:
    return rollout(smokeTests=list(made))


def promotion(name: str = "web-1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": name},
        "spec": {"rollout": "web", "environment": "production", **spec},
    }


def policy(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "PromotionPolicy",
        "metadata": {"name": "production"},
        "spec": {"match": {}, **spec},
    }


def window(**fields: Any) -> dict[str, Any]:
    return policy(windows=[{"deny": "no Friday afternoons", **fields}])


def without(made: dict[str, Any], field: str) -> dict[str, Any]:
    return {**made, "spec": {key: value for key, value in made["spec"].items() if key != field}}


class Refused(NamedTuple):
    what: str
    made: dict[str, Any]
    path: str
    """Where the models see the fault."""
    says: str
    """What the API server tells the user, or the part of it that matters."""


def attested(name: str = "tests", **changes: Any) -> dict[str, Any]:
    """A check whose result a pipeline states."""
    stated = {"passed": True, "summary": "185/185", "evidence": "https://ci.example/runs/7"}
    return {"name": name, "category": "Quality", "attest": stated} | changes


def looked_at(**changes: Any) -> dict[str, Any]:
    """A check on an object."""
    about = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "db",
        "expression": "object.status.readyReplicas > 0",
    }
    return {"name": "database-runs", "category": "Operations", "object": about | changes}


def run(template: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A check that is a Job."""
    return {"name": "migrations", "category": "Operations", "job": {"template": template} | changes}


JOB: dict[str, Any] = {"template": {"spec": {"containers": []}}}
JOB_OF_OURS = {"template": {**JOB["template"], "metadata": {"labels": {"slipway.dev/rollout": "web"}}}}


def migrating(**migrations: Any) -> dict[str, Any]:
    """A Promotion with migrations."""
    return promotion(migrations=migrations)


def smoke_job(template: dict[str, Any], name: str = "journey", **changes: Any) -> dict[str, Any]:
    """A smoke test that is a Job."""
    return {"name": name, "job": {"template": template} | changes}


ACCEPTED = {
    "a policy that demands nothing": policy(),
    "a policy with all of it": policy(
        match={
            "environments": ["production"],
            "namespaceSelector": {
                "matchLabels": {"team": "shop"},
                "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["test"]}],
            },
        },
        minReadinessScore=7.5,
        requiredChecks=["tests-passed", "smoke/home"],
        advisoryChecks=["gates-answer"],
        maxAge="24h",
        **{"from": {"required": True, "within": "168h", "soak": "1h"}},
        approvals={"count": 2, "fourEyes": True, "verified": True, "serviceAccounts": [], "validFor": "24h"},
        rules=[{"when": {"risk": ["High"], "dataClassification": ["CONFIDENTIAL"]}, "count": 2, "reason": True}],
        automatic="Deny",
        breakGlass="Allow",
        windows=[
            {"deny": "Fridays", "cron": "0 12 * * 5", "duration": "12h", "timeZone": "Europe/Berlin"},
            {"allow": "office hours", "cron": "0 9 * * MON-THU", "duration": "8h", "from": "2026-01-01"},
            {"deny": "year end", "from": "2026-12-23T12:00", "until": "2027-01-02"},
            {"deny": "sale", "from": "2026-11-27T00:00:00Z", "until": "2026-11-30T23:59:59+01:00"},
            {"deny": "holidays", "holidays": {"country": "DE", "subdivision": "BY"}, "timeZone": "Europe/Berlin"},
        ],
    ),
    "who created it": promotion(requestedBy="dev@example.com"),
    "broken glass": promotion(breakGlass={"reason": "the shop is down", "by": "ada@example.com"}),
    "a minimal Rollout": rollout(),
    "no replicas": rollout(replicas=0),
    "all of blue/green": rollout(
        strategy={"blueGreen": {"previewReplicas": 1, "verify": "0s", "keepPrevious": "1h30m"}}
    ),
    "a canary": canary({"weight": 10}, {"weight": 50, "hold": "10m", "approval": "Required", "gates": ["latency-p95"]}),
    "a step without gates": canary({"weight": 100, "gates": []}),
    "twenty steps": canary(*({"weight": weight} for weight in range(5, 101, 5))),
    "no gates": gates(),
    "a range": gates({"name": "load", "query": "up", "below": 1, "above": -1.5}),
    "all names in a query": gates(
        {
            "name": "all",
            "query": "$(namespace) $(rollout) $(environment) $(revision) $(deployment) $(service) $(window)",
            "above": 0,
        }
    ),
    "dollars in a query": gates({"name": "dollars", "query": '{pod=~"^web-.+$",x="$$(pod) $1 $$"}$', "above": 0}),
    "smoke tests": smoke_tests(
        {"name": "home", "http": {"port": "http", "expectBody": "greetings"}},
        {"name": "number", "http": {"port": 80, "path": "/x?y=z", "expectStatus": 404, "timeout": "1s"}},
        {"name": "database", "tcp": {"service": "db", "port": 5432}},
        smoke_job({"metadata": {"labels": {"app": "journey"}}, "spec": {"containers": []}}, timeout="90s", retries=1),
    ),
    "twenty smoke tests that are Jobs": smoke_tests(
        *(
            smoke_job(
                {
                    "metadata": {
                        "labels": {f"example.com/{n:02}": "x" * 63 for n in range(20)},
                        "annotations": {f"example.com/{n:02}": "x" * 1024 for n in range(20)},
                    },
                    "spec": {},
                },
                f"journey-{n}",
            )
            for n in range(20)
        )
    ),
    "an abort": rollout(abort="3f2a9c01de"),
    "an abort by the full revision": rollout(abort="3f" * 32),
    "a long name": rollout(name="w" * 46),
    "a template with nulls": rollout(template={"metadata": {"creationTimestamp": None}, "spec": {}}),
    "the largest that is allowed": canary(
        *({"weight": 5 * n, "gates": [f"g{m}" for m in range(20)]} for n in range(1, 21)),
        analysis={
            "gates": [{"name": f"g{n}", "query": "$(namespace)" * 341, "above": -1, "below": 1} for n in range(20)]
        },
        service={"ports": [{"name": f"p{n}", "port": 1 + n} for n in range(20)]},
        smokeTests=[{"name": f"t{n}", "http": {"port": "p19", "path": "/" * 2048}} for n in range(20)],
    ),
    "gates that compare": gates(
        {"name": "errors", "preset": "error-rate", "below": 0.05, "baseline": {"maxIncrease": "0.005"}},
        {"name": "p95", "preset": "latency-p95", "baseline": {"maxIncrease": "20%"}},
        {"name": "orders", "query": "up", "baseline": {"maxIncrease": "12.5%", "maxDecrease": "10%"}},
        {"name": "cpu", "preset": "cpu", "below": 0.8, "minRequests": 0},
        {"name": "memory", "preset": "memory", "baseline": {"maxIncrease": "50%"}, "minRequests": 0},
    ),
    "gates that count lines": gates(
        {"name": "errors", "preset": "error-lines", "below": 0.1},
        {"name": "stock", "logs": {"pattern": r"^\S+ (no|out of) stock\b", "container": "web"}, "below": 0.1},
        {"name": "any", "logs": {}, "baseline": {"maxIncrease": "0.05"}},
        *({"name": f"g{n}", "logs": {"pattern": "(ab|cd)?" * 64}, "below": 1} for n in range(17)),
    ),
    "a minimal Promotion": promotion(),
    "questions after going back": promotion(
        afterRollback=[
            {"name": "orders", "job": {"template": {"spec": {"containers": []}}, "timeout": "1m", "retries": 1}},
            {"name": "home", "http": {"service": "web", "port": 80}},
            {"name": "db", "tcp": {"service": "db", "port": 5432}},
            {"name": "errors", "prometheus": {"query": "up", "below": 1}},
            {"name": "runs", "object": looked_at()["object"]},
        ]
    ),
    "twenty questions after going back": promotion(
        afterRollback=[
            {
                "name": f"job-{n}",
                "job": {
                    "template": {"metadata": {"labels": {f"e.com/{m:02}": "x" * 63 for m in range(20)}}, "spec": {}}
                },
            }
            for n in range(20)
        ]
    ),
    "no watch": promotion(watch=[]),
    "the longest watch": promotion(watch=[{"for": f"{n}h", "interval": "1s"} for n in range(1, 11)]),
    "a watch of one interval": promotion(watch=[{"for": "90m", "interval": "1h30m"}]),
    "the largest Promotion": promotion(
        images=[{"name": f"c{n}", "image": "i" * 1024} for n in range(50)],
        approvals={f"{n:0256}": PLAN for n in range(20)},
        weightApprovals={f"{n:0256}": {"weight": 100, "plan": PLAN} for n in range(20)},
    ),
    "a checklist": promotion(
        checks=[
            attested(),
            attested("review", category="Security", attest={"passed": False, "summary": "two findings"}),
            {"name": "orders", "category": "Operations", "prometheus": {"query": "up{a='$(namespace)'}", "above": 0}},
            {"name": "ledger", "category": "Operations", "http": {"service": "ledger", "port": "http", "path": "/up"}},
            {"name": "database", "category": "Operations", "tcp": {"service": "db", "port": 5432}},
            looked_at(),
            run({"metadata": {"labels": {"app": "migrate"}}, "spec": {"containers": []}}, timeout="10m", retries=1),
            {"name": "basket", "category": "Quality", "manual": {"ask": "Does the basket keep its articles?"}},
            {"name": "user-functions-seen", "manual": {"ask": "Order something.", "when": "after"}},
            {"name": "search", "category": "Quality", "manual": {"ask": "Is anything found?", "when": "before"}},
            {"name": "runbook-updated"},
            {"name": "privacy-review", "notApplicable": {"reason": "no personal data"}},
            {"name": "non-root", "notApplicable": {"reason": "a legacy image"}},
            {"name": "load", "category": "Quality", "notApplicable": {"reason": "a change of colours"}},
        ]
    ),
    "the case for a launch": promotion(
        idea={
            "id": "IDEA-20240315-X7K2",
            "summary": "Customers pay later.",
            "problem": "Every third basket is left at the till.",
            "evidence": "42 of 60 who were asked would.",
            "lessons": ["Ask for the date of birth last."],
            "journey": [
                {"stage": "SPARK", "at": "2024-03-15", "iterations": 1, "note": "an email"},
                {"stage": "REFINE", "at": "2024-06-01T12:00:00Z", "iterations": 4},
            ],
            "artifacts": [{"kind": "design", "url": "https://wiki.example/x", "sha256": "0" * 64}],
        },
        readiness={
            "stage": "REFINE",
            "status": "approved",
            "score": 6.5,
            "override": "the rest is text",
            "criticalIssues": [{"id": "BUG-1", "resolved": True}, {"id": "BUG-2"}],
        },
        assessment={
            "dataClassification": "CONFIDENTIAL",
            "threats": ["somebody pays with another's name"],
            "mitigations": ["a second factor"],
            "risk": "High",
            "recommendation": "Proceed with Caution",
            "reason": "new to us",
        },
        rollbackPlan={
            "triggers": ["more than 1 % of payments fail"],
            "steps": ["`kubectl -n shop patch promotions.slipway.dev web-1 --type merge -p '{}'`"],
            "verification": ["payments per minute above 40"],
            "communication": ["tell support"],
        },
        migrations={
            "scripts": ["001-add-table.sql", "002-fill.sql"],
            "backwardCompatible": True,
            "backfill": "by night",
            "estimatedDuration": "10m",
            "rollback": ["002-empty.sql", "001-drop-table.sql"],
            "jobs": {
                "expand": {"template": {"spec": {"containers": []}}, "timeout": "2h", "retries": 1},
                "contract": {"template": {"spec": {"containers": []}}},
                "rollback": {"template": {"spec": {"containers": []}}},
            },
        },
        operations={
            "ci": "https://ci.example/web",
            "secrets": "an operator of the platform",
            "logging": "Loki",
            "alerts": "WebErrors",
            "url": "https://shop.example",
            "provider": "our own racks",
            "region": "Berlin",
            "links": {"dashboard": "https://grafana.example/d/web"},
        },
        communication={
            "changelog": "- pay later",
            "releaseNotes": "You can pay later.",
            "notify": ["support"],
            "issues": ["SHOP-7"],
        },
    ),
    "an empty override": promotion(readiness={"stage": "REFINE", "status": "approved", "score": 8, "override": ""}),
    "a dry run": promotion(dryRun=True, approved=False),
    "no dry run": promotion(dryRun=False, setImages=False, approved=True),
    "a Promotion from staging": promotion(**{"from": {"namespace": "shop-staging", "rollout": "web"}}, setImages=True),
    "a Promotion from its own namespace": promotion(**{"from": {"rollout": "web-staging"}}),
    "a full Promotion": promotion(
        revision="3f2a9c01de",
        images=[{"name": "web", "image": "registry.example/web@sha256:" + "0" * 64}],
        version="v1.2.3",
        commit="abc1234",
        approved=True,
        approvals={"someone@example.com": PLAN, "oidc:https://id.example/some/one": PLAN},
        approvedWeight=50,
        weightApprovals={"someone@example.com": {"weight": 50, "plan": PLAN}},
        acceptNoData={"weight": 10, "reason": "no users at night", "by": "ada@example.com"},
        hold="lunch",
        rollbackPlanNeeded=True,
        abort="never mind",
        rerun="2",
        confirmed={"basket": {"by": "someone@example.com", "plan": PLAN}},
    ),
}

_BOUND = {"name": "load", "query": "up", "below": 1}
_PRESET = {"name": "errors", "preset": "error-rate", "below": 1}
_PORT = {"name": "http", "port": 80}

# Names are for the API server alone to judge: no object with a bad one ever reaches the models.
REFUSED_NAMES = [
    Refused(
        "a name that is too long",
        rollout(name="w" * 47),
        "",
        "metadata.name: Invalid value: the name must be at most 46 characters long",
    ),
    Refused(
        "a name that no Service can have",
        rollout(name="web.example"),
        "",
        "metadata.name: Invalid value: the name must start with a letter and have only lower case letters",
    ),
]

REFUSED = [
    Refused("a policy for nobody", without(policy(), "match"), "spec.match", "spec.match: Required value"),
    Refused(
        "an unknown demand",
        policy(ruels=[]),
        "spec.ruels",
        'strict decoding error: unknown field "spec.ruels"',
    ),
    Refused(
        "a window that neither denies nor allows",
        policy(windows=[{"from": "2026-12-01"}]),
        "spec.windows[0]",
        "exactly one of deny and allow must be set",
    ),
    Refused(
        "a window that denies and allows",
        window(allow="x", **{"from": "2026-12-01"}),
        "spec.windows[0]",
        "exactly one of deny and allow must be set",
    ),
    Refused(
        "a window without a time",
        window(),
        "spec.windows[0]",
        "one of cron, holidays, from and until must be set",
    ),
    Refused("a cron without a duration", window(cron="0 12 * * 5"), "spec.windows[0].duration", "go together"),
    Refused(
        "a cron of four fields",
        window(cron="0 12 * *", duration="1h"),
        "spec.windows[0].cron",
        "must have five fields: minute, hour, day of month, month, day of week",
    ),
    Refused(
        "a cron and holidays",
        window(cron="0 12 * * 5", duration="1h", holidays={"country": "DE"}),
        "spec.windows[0].holidays",
        "cron and holidays exclude each other",
    ),
    Refused(
        "a date in words",
        window(**{"from": "23 December"}),
        "spec.windows[0].from",
        "must be a date or a time, such as 2026-12-23, 2026-12-23T17:00 or 2026-12-23T16:00:00Z",
    ),
    Refused(
        "a country in words",
        window(holidays={"country": "Germany"}),
        "spec.windows[0].holidays.country",
        "spec.windows[0].holidays.country",
    ),
    Refused(
        "nobody has to approve",
        policy(approvals={"count": 0}),
        "spec.approvals.count",
        "spec.approvals.count: Invalid value: 0",
    ),
    Refused(
        "a rule about nothing",
        policy(rules=[{"when": {}, "count": 2}]),
        "spec.rules[0].when",
        "at least one of dataClassification, risk, recommendation must be set",
    ),
    Refused(
        "a risk that does not exist",
        policy(rules=[{"when": {"risk": ["Hihg"]}, "count": 2}]),
        "spec.rules[0].when.risk[0]",
        'Unsupported value: "Hihg"',
    ),
    Refused(
        "a selector without values",
        policy(match={"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In"}]}}),
        "spec.match.namespaceSelector.matchExpressions[0].values",
        "values belong to the operators In and NotIn, and only to them",
    ),
    Refused(
        "broken glass without a reason",
        promotion(breakGlass={"by": "ada"}),
        "spec.breakGlass.reason",
        "spec.breakGlass.reason: Required value",
    ),
    Refused(
        "no environment",
        without(rollout(), "environment"),
        "spec.environment",
        "spec.environment: Required value",
    ),
    Refused("no template", without(rollout(), "template"), "spec.template", "spec.template: Required value"),
    Refused("no service", without(rollout(), "service"), "spec.service", "spec.service: Required value"),
    Refused(
        "an unknown field",
        rollout(replica=3),
        "spec.replica",
        'strict decoding error: unknown field "spec.replica"',
    ),
    Refused(
        "an unknown field in a list",
        canary({"weight": 10, "pause": "5m"}),
        "spec.strategy.canary.steps[0].pause",
        'strict decoding error: unknown field "spec.strategy.canary.steps[0].pause"',
    ),
    Refused(
        "a field that is not built yet",
        smoke_tests({"name": "journey", "script": {"image": "x"}, "tcp": {"service": "db", "port": 1}}),
        "spec.smokeTests[0].script",
        'strict decoding error: unknown field "spec.smokeTests[0].script"',
    ),
    Refused("negative replicas", rollout(replicas=-1), "spec.replicas", "should be greater than or equal to 0"),
    Refused("replicas in words", rollout(replicas="three"), "spec.replicas", 'must be of type integer: "string"'),
    Refused("an environment in capitals", rollout(environment="PROD"), "spec.environment", "should match"),
    Refused(
        "an unknown approval",
        rollout(approval="Maybe"),
        "spec.approval",
        'supported values: "Required", "Automatic"',
    ),
    Refused(
        "an abort by another name",
        rollout(abort="v2"),
        "spec.abort",
        "should match '^([0-9a-f]{10}|[0-9a-f]{64})$'",
    ),
    Refused(
        "a template without a pod",
        rollout(template={}),
        "spec.template.spec",
        "spec.template.spec: Required value",
    ),
    Refused(
        "an unknown field of a template",
        rollout(template={"spec": {}, "kind": "Pod"}),
        "spec.template.kind",
        'unknown field "spec.template.kind"',
    ),
    Refused("a template in words", rollout(template="web"), "spec.template", 'must be of type object: "string"'),
    Refused(
        "the name of a Rollout in a template's labels",
        rollout(template={"metadata": {"labels": {"slipway.dev/rollout": "web"}}, "spec": {}}),
        "spec.template.metadata.labels[slipway.dev/rollout]",
        "slipway.dev/rollout is set by the operator",
    ),
    Refused(
        "a revision in a template's labels",
        rollout(template={"metadata": {"labels": {"slipway.dev/revision": "x"}}, "spec": {}}),
        "spec.template.metadata.labels[slipway.dev/revision]",
        "slipway.dev/revision is set by the operator",
    ),
    Refused(
        "a score of eleven",
        promotion(readiness={"stage": "REFINE", "status": "approved", "score": 11}),
        "spec.readiness.score",
        "should be less than or equal to 10",
    ),
    Refused(
        "an issue twice",
        promotion(
            readiness={"stage": "X", "status": "y", "score": 1, "criticalIssues": [{"id": "BUG-1"}, {"id": "BUG-1"}]}
        ),
        "spec.readiness.criticalIssues[1].id",
        "Duplicate value",
    ),
    Refused(
        "an unknown classification",
        promotion(assessment={"dataClassification": "SECRET"}),
        "spec.assessment.dataClassification",
        'supported values: "PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED"',
    ),
    Refused(
        "an idea that no label can name",
        promotion(idea={"id": "pay later"}),
        "spec.idea.id",
        "spec.idea.id in body should match",
    ),
    Refused(
        "a date in words",
        promotion(idea={"id": "IDEA-1", "journey": [{"stage": "SPARK", "at": "in March"}]}),
        "spec.idea.journey[0].at",
        "should match",
    ),
    Refused(
        "a link to nowhere",
        promotion(operations={"links": {"runbook": "in the drawer"}}),
        "spec.operations.links.runbook",
        "should match",
    ),
    Refused(
        "an address that is a host",
        promotion(operations={"url": "shop.example"}),
        "spec.operations.url",
        "should match",
    ),
    Refused("no ports", rollout(service={"ports": []}), "spec.service.ports", "should have at least 1 items"),
    Refused(
        "two ports of one name",
        rollout(service={"ports": [_PORT, {"name": "http", "port": 81}]}),
        "spec.service.ports[1].name",
        'spec.service.ports[1]: Duplicate value: {"name":"http"}',
    ),
    Refused(
        "a port out of range",
        rollout(service={"ports": [{"name": "http", "port": 70000}]}),
        "spec.service.ports[0].port",
        "should be less than or equal to 65535",
    ),
    Refused(
        "no strategy of the two",
        rollout(strategy={}),
        "spec.strategy",
        "spec.strategy: Invalid value: exactly one of blueGreen and canary must be set",
    ),
    Refused(
        "both strategies",
        rollout(
            strategy={"blueGreen": {}, "canary": {"steps": [{"weight": 1}]}},
            traffic={"httpRoutes": [{"name": "w"}]},
        ),
        "spec.strategy",
        "exactly one of blueGreen and canary must be set",
    ),
    Refused(
        "a canary without routes",
        rollout(strategy={"canary": {"steps": [{"weight": 10}]}}),
        "spec.strategy.canary",
        "spec.strategy.canary: Invalid value: a canary needs traffic.httpRoutes",
    ),
    Refused(
        "a canary with an empty list of routes",
        rollout(strategy={"canary": {"steps": [{"weight": 10}]}}, traffic={"httpRoutes": []}),
        "spec.strategy.canary",
        "a canary needs traffic.httpRoutes",
    ),
    Refused("no steps", canary(), "spec.strategy.canary.steps", "should have at least 1 items"),
    Refused(
        "too many steps",
        canary(*({"weight": weight} for weight in range(1, 22))),
        "spec.strategy.canary.steps",
        "must have at most 20 items",
    ),
    Refused(
        "weight 0",
        canary({"weight": 0}),
        "spec.strategy.canary.steps[0].weight",
        "greater than or equal to 1",
    ),
    Refused(
        "weight 101",
        canary({"weight": 101}),
        "spec.strategy.canary.steps[0].weight",
        "less than or equal to 100",
    ),
    Refused(
        "a falling weight",
        canary({"weight": 50}, {"weight": 10}),
        "spec.strategy.canary.steps[1].weight",
        "spec.strategy.canary.steps: Invalid value: weights must rise from step to step",
    ),
    Refused(
        "a weight twice",
        canary({"weight": 50}, {"weight": 50}),
        "spec.strategy.canary.steps[1].weight",
        "weights must rise from step to step",
    ),
    Refused(
        "a step after 100",
        canary({"weight": 100}, {"weight": 100}),
        "spec.strategy.canary.steps[1].weight",
        "weights must rise from step to step",
    ),
    Refused(
        "a hold in words",
        canary({"weight": 10, "hold": "5 minutes"}),
        "spec.strategy.canary.steps[0].hold",
        'steps[0].hold: Invalid value: "5 minutes": must be a duration such as 30s, 5m or 1h30m',
    ),
    Refused(
        "a hold as a number",
        canary({"weight": 10, "hold": 300}),
        "spec.strategy.canary.steps[0].hold",
        'must be of type string: "integer"',
    ),
    Refused(
        "a step's gate that does not exist",
        canary({"weight": 10, "gates": ["latency-p95", "conversion"]}),
        "spec.strategy.canary.steps[0].gates[1]",
        "spec.strategy.canary.steps: Invalid value: the gates of a step must be names of analysis.gates",
    ),
    Refused(
        "a step's gate that is one of the defaults, not of the list",
        canary({"weight": 10, "gates": ["error-rate"]}, analysis={"gates": [_BOUND]}),
        "spec.strategy.canary.steps[0].gates[0]",
        "the gates of a step must be names of analysis.gates",
    ),
    Refused(
        "a step's gate twice",
        canary({"weight": 10, "gates": ["error-rate", "error-rate"]}),
        "spec.strategy.canary.steps[0].gates[1]",
        "Duplicate value",
    ),
    Refused(
        "a watch that grows shorter",
        promotion(watch=[{"for": "24h", "interval": "5m"}, {"for": "1h", "interval": "30s"}]),
        "spec.watch[1].for",
        "spec.watch: Invalid value: each period must end later than the one before",
    ),
    Refused(
        "two periods that end together",
        promotion(watch=[{"for": "60m", "interval": "5m"}, {"for": "1h", "interval": "30s"}]),
        "spec.watch[1].for",
        "each period must end later than the one before",
    ),
    Refused(
        "a watch that never measures",
        promotion(watch=[{"for": "10m", "interval": "1h"}]),
        "spec.watch[0].interval",
        "spec.watch[0].interval: Invalid value: an interval longer than the period measures nothing",
    ),
    Refused(
        "a watch for ever",
        promotion(watch=[{"for": "for ever", "interval": "1h"}]),
        "spec.watch[0].for",
        'spec.watch[0].for: Invalid value: "for ever": must be a duration such as 30s, 5m or 1h30m',
    ),
    Refused("a watch of nothing", promotion(watch=[{"for": "1h"}]), "spec.watch[0].interval", "Required value"),
    Refused(
        "a watch in too many parts",
        promotion(watch=[{"for": f"{n}h", "interval": "1m"} for n in range(1, 12)]),
        "spec.watch",
        "must have at most 10 items",
    ),
    Refused(
        "a gate that compares with nothing",
        gates({"name": "p95", "preset": "latency-p95", "baseline": {}}),
        "spec.analysis.gates[0].baseline",
        "maxIncrease, maxDecrease or both must be set",
    ),
    Refused(
        "a comparison in words",
        gates({"name": "p95", "preset": "latency-p95", "baseline": {"maxIncrease": "a fifth"}}),
        "spec.analysis.gates[0].baseline.maxIncrease",
        "spec.analysis.gates[0].baseline.maxIncrease in body should match",
    ),
    Refused(
        "a gate that asks nothing",
        gates({"name": "x", "below": 1}),
        "spec.analysis.gates[0]",
        "spec.analysis.gates[0]: Invalid value: exactly one of preset, query and logs must be set",
    ),
    Refused(
        "a gate that asks two things",
        gates({**_PRESET, "query": "up"}),
        "spec.analysis.gates[0]",
        "exactly one of preset, query and logs must be set",
    ),
    Refused(
        "a gate that asks a source and counts lines",
        gates({**_PRESET, "logs": {}}),
        "spec.analysis.gates[0]",
        "exactly one of preset, query and logs must be set",
    ),
    Refused(
        "a pattern that is none",
        gates({"name": "x", "logs": {"pattern": "("}, "below": 1}),
        "spec.analysis.gates[0].logs.pattern",
        "must be a regular expression as RE2 knows them",
    ),
    Refused(
        "a pattern that looks ahead",
        gates({"name": "x", "logs": {"pattern": "a(?=b)"}, "below": 1}),
        "spec.analysis.gates[0].logs.pattern",
        "must be a regular expression as RE2 knows them",
    ),
    Refused(
        "a gate without a bound",
        gates({"name": "x", "query": "up"}),
        "spec.analysis.gates[0]",
        "below, above or baseline must be set",
    ),
    Refused(
        "a gate that nothing passes",
        gates({"name": "x", "query": "up", "below": 1, "above": 1}),
        "spec.analysis.gates[0].above",
        "spec.analysis.gates[0].above: Invalid value: above must be less than below, or no value passes",
    ),
    Refused(
        "an unknown preset",
        gates({"name": "x", "preset": "requests", "below": 1}),
        "spec.analysis.gates[0].preset",
        'supported values: "error-rate", "latency-p95"',
    ),
    Refused(
        "an unknown name in a query",
        gates({"name": "x", "query": "up{pod='$(pod)'}", "below": 1}),
        "spec.analysis.gates[0].query",
        "unknown $(name): only namespace, rollout, environment, revision, deployment, service, window are replaced",
    ),
    Refused(
        "an unclosed name in a query",
        gates({"name": "x", "query": "up $(namespace", "below": 1}),
        "spec.analysis.gates[0].query",
        "unknown $(name)",
    ),
    Refused(
        "a third dollar does not escape",
        gates({"name": "x", "query": "up $$$(pod)", "below": 1}),
        "spec.analysis.gates[0].query",
        "unknown $(name)",
    ),
    Refused(
        "two gates of one name",
        gates(_BOUND, {**_PRESET, "name": "load"}),
        "spec.analysis.gates[1].name",
        "spec.analysis.gates: Invalid value: each gate must have a name of its own",
    ),
    Refused(
        "a window of no length",
        gates({**_BOUND, "window": "0s"}),
        "spec.analysis.gates[0].window",
        'spec.analysis.gates[0].window: Invalid value: "0s": must be at least 1s',
    ),
    Refused(
        "no interval",
        rollout(analysis={"interval": "0s"}),
        "spec.analysis.interval",
        'spec.analysis.interval: Invalid value: "0s": must be at least 1s',
    ),
    Refused(
        "an unknown answer to no data",
        rollout(analysis={"onNoData": "Pass"}),
        "spec.analysis.onNoData",
        'supported values: "Hold", "Rollback"',
    ),
    Refused(
        "a threshold of 0",
        gates({**_BOUND, "failureThreshold": 0}),
        "spec.analysis.gates[0].failureThreshold",
        "greater than or equal to 1",
    ),
    Refused(
        "a deadline within minReadySeconds",
        rollout(minReadySeconds=60, progressDeadline="1m"),
        "spec.progressDeadline",
        "spec.progressDeadline: Invalid value: must be longer than minReadySeconds",
    ),
    Refused(
        "a smoke test that tests nothing",
        smoke_tests({"name": "x"}),
        "spec.smokeTests[0]",
        "spec.smokeTests[0]: Invalid value: exactly one of http, tcp, job must be set",
    ),
    Refused(
        "a smoke test of two kinds",
        smoke_tests({"name": "x", "http": {"port": 80}, "tcp": {"service": "db", "port": 1}}),
        "spec.smokeTests[0]",
        "exactly one of http, tcp, job must be set",
    ),
    Refused(
        "a smoke test that is a Job and a request",
        smoke_tests({"name": "x", "http": {"port": 80}, "job": {"template": {"spec": {}}}}),
        "spec.smokeTests[0]",
        "exactly one of http, tcp, job must be set",
    ),
    Refused(
        "a smoke test whose Job would make pods of a Rollout",
        smoke_tests(smoke_job({"metadata": {"labels": {"slipway.dev/revision": "3f2a9c01de"}}, "spec": {}})),
        "spec.smokeTests[0].job.template.metadata.labels[slipway.dev/revision]",
        "labels of slipway.dev are Slipway's",
    ),
    Refused(
        "a smoke test whose Job has no pod",
        smoke_tests(smoke_job({})),
        "spec.smokeTests[0].job.template.spec",
        "spec.smokeTests[0].job.template.spec: Required value",
    ),
    Refused(
        "a smoke test of a port that the Service lacks",
        smoke_tests({"name": "x", "http": {"port": "admin"}}),
        "spec.smokeTests[0].http.port",
        "spec.smokeTests: Invalid value: the port of an http test must be one of service.ports",
    ),
    Refused(
        "a smoke test on the pods' port",
        smoke_tests({"name": "x", "http": {"port": 9898}}),
        "spec.smokeTests[0].http.port",
        "the port of an http test must be one of service.ports",
    ),
    Refused(
        "a path with a host",
        smoke_tests({"name": "x", "http": {"port": 80, "path": "http://elsewhere.example/"}}),
        "spec.smokeTests[0].http.path",
        "should match '^/'",
    ),
    Refused(
        "a Service elsewhere",
        smoke_tests({"name": "x", "tcp": {"service": "db.other", "port": 1}}),
        "spec.smokeTests[0].tcp.service",
        "should match",
    ),
    Refused(
        "a question after going back that asks for nothing",
        promotion(afterRollback=[{"name": "x"}]),
        "spec.afterRollback[0]",
        "exactly one of prometheus, http, tcp, object, job must be set",
    ),
    Refused(
        "a question after going back of two kinds",
        promotion(
            afterRollback=[{"name": "x", "tcp": {"service": "db", "port": 1}, "job": {"template": {"spec": {}}}}]
        ),
        "spec.afterRollback[0]",
        "exactly one of prometheus, http, tcp, object, job must be set",
    ),
    Refused(
        "a fact after going back",
        promotion(afterRollback=[{"name": "x", "attest": {"passed": True, "summary": "ok"}}]),
        "spec.afterRollback[0].attest",
        'strict decoding error: unknown field "spec.afterRollback[0].attest"',
    ),
    Refused("no rollout", without(promotion(), "rollout"), "spec.rollout", "spec.rollout: Required value"),
    Refused(
        "no environment of a Promotion",
        without(promotion(), "environment"),
        "spec.environment",
        "Required value",
    ),
    Refused(
        "a revision by another name",
        promotion(revision="v2"),
        "spec.revision",
        "should match '^[0-9a-f]{10}$'",
    ),
    Refused("approved in words", promotion(approved="yes"), "spec.approved", 'must be of type boolean: "string"'),
    Refused(
        "an approval of no plan",
        promotion(approvals={"me": "yes"}),
        "spec.approvals[me]",
        "should match '^sha256:[0-9a-f]{64}$'",
    ),
    Refused(
        "an approval by nobody",
        promotion(approvals={"": PLAN}),
        "spec.approvals[]",
        "spec.approvals: Invalid value: user names have 1 to 256 characters",
    ),
    Refused(
        "too many approvals",
        promotion(approvals={f"user{n}": PLAN for n in range(21)}),
        "spec.approvals",
        "must have at most 20 items",
    ),
    Refused(
        "a weight approval without a plan",
        promotion(weightApprovals={"me": {"weight": 10}}),
        "spec.weightApprovals[me].plan",
        "spec.weightApprovals.me.plan: Required value",
    ),
    Refused("approvedWeight 0", promotion(approvedWeight=0), "spec.approvedWeight", "greater than or equal to 1"),
    Refused(
        "going on without data for no reason",
        promotion(acceptNoData={"weight": 10, "reason": ""}),
        "spec.acceptNoData.reason",
        "should be at least 1 chars long",
    ),
    Refused("an empty hold", promotion(hold=""), "spec.hold", "should be at least 1 chars long"),
    Refused(
        "two images of one container",
        promotion(images=[{"name": "web", "image": "a"}, {"name": "web", "image": "b"}]),
        "spec.images[1].name",
        'spec.images[1]: Duplicate value: {"name":"web"}',
    ),
    Refused(
        "a check of two kinds",
        promotion(checks=[attested(prometheus={"query": "up", "above": 0})]),
        "spec.checks[0]",
        "exactly one of attest, prometheus, http, tcp, object, job, manual, notApplicable must be set",
    ),
    Refused(
        "a check of no kind",
        promotion(checks=[{"name": "tests", "category": "Quality"}]),
        "spec.checks[0]",
        "exactly one of attest, prometheus, http, tcp, object, job, manual, notApplicable must be set",
    ),
    Refused(
        "a check of a kind that is not there",
        promotion(checks=[attested(grpc={"service": "web"})]),
        "spec.checks[0].grpc",
        'unknown field "spec.checks[0].grpc"',
    ),
    Refused(
        "a Secret to look into",
        promotion(checks=[looked_at(apiVersion="v1", kind="Secret")]),
        "spec.checks[0].object.kind",
        "Slipway reads no Secrets",
    ),
    Refused(
        "an object with a path for a name",
        promotion(checks=[looked_at(name="../web")]),
        "spec.checks[0].object.name",
        "should match",
    ),
    Refused(
        "a Job that would make pods of a Rollout",
        promotion(checks=[run({"metadata": {"labels": {"slipway.dev/rollout": "web"}}, "spec": {}})]),
        "spec.checks[0].job.template.metadata.labels[slipway.dev/rollout]",
        "labels of slipway.dev are Slipway's",
    ),
    Refused(
        "a Job without a pod",
        promotion(checks=[run({})]),
        "spec.checks[0].job.template.spec",
        "spec.checks[0].job.template.spec: Required value",
    ),
    Refused(
        "a Job that is tried for ever",
        promotion(checks=[run({"spec": {}}, retries=100)]),
        "spec.checks[0].job.retries",
        "should be less than or equal to 5",
    ),
    Refused(
        "an expansion that the serving version may not bear",
        migrating(jobs={"expand": JOB}),
        "spec.migrations.backwardCompatible",
        "an expansion runs while the version that serves still serves: backwardCompatible must be true",
    ),
    Refused(
        "a rollback without an expansion",
        migrating(jobs={"contract": JOB, "rollback": JOB}),
        "spec.migrations.jobs.rollback",
        "undoes what expand did: give expand too",
    ),
    Refused(
        "migrations that run nothing",
        migrating(jobs={}),
        "spec.migrations.jobs",
        "at least one of expand, contract and rollback must be set",
    ),
    Refused(
        "a migration with our labels",
        migrating(jobs={"contract": JOB_OF_OURS}),
        "spec.migrations.jobs.contract.template.metadata.labels[slipway.dev/rollout]",
        "labels of slipway.dev are Slipway's",
    ),
    Refused(
        "something to look at some day",
        promotion(checks=[{"name": "basket", "category": "Quality", "manual": {"ask": "Does it?", "when": "later"}}]),
        "spec.checks[0].manual.when",
        'spec.checks[0].manual.when: Unsupported value: "later"',
    ),
    Refused(
        "a confirmation without a name",
        promotion(confirmed={"basket": {"plan": PLAN}}),
        "spec.confirmed.basket.by",
        "Required value",
    ),
    Refused(
        "a check of no category",
        promotion(checks=[{"name": "tests", "attest": {"passed": True, "summary": "185/185"}}]),
        "spec.checks[0].category",
        "only a check of the catalogue has a category of its own",
    ),
    Refused(
        "a fact that is said of what Slipway checks",
        promotion(checks=[{"name": "non-root", "attest": {"passed": True, "summary": "it is not"}}]),
        "spec.checks[0].name",
        "is checked by Slipway itself: here it can only be said why it does not apply (notApplicable)",
    ),
    Refused(
        "a category of its own",
        promotion(checks=[attested(category="Fun")]),
        "spec.checks[0].category",
        'Unsupported value: "Fun"',
    ),
    Refused(
        "a check with the name of a built-in one",
        promotion(checks=[attested("health-probe")]),
        "spec.checks[0].name",
        "is the name of a check that every Promotion has",
    ),
    Refused(
        "two checks of one name",
        promotion(checks=[attested(), attested()]),
        "spec.checks[1].name",
        'spec.checks[1]: Duplicate value: {"name":"tests"}',
    ),
    Refused(
        "evidence that is no address",
        promotion(checks=[attested(attest={"passed": True, "summary": "all", "evidence": "ask me"})]),
        "spec.checks[0].attest.evidence",
        "should match",
    ),
    Refused(
        "a request to nobody",
        promotion(checks=[{"name": "ledger", "category": "Quality", "http": {"port": 80}}]),
        "spec.checks[0].http.service",
        "spec.checks[0].http.service: Required value",
    ),
    Refused(
        "a number without a bound",
        promotion(checks=[{"name": "orders", "category": "Quality", "prometheus": {"query": "up"}}]),
        "spec.checks[0].prometheus",
        "below, above or both must be set",
    ),
    Refused(
        "an unknown name in a check's query",
        promotion(checks=[{"name": "orders", "category": "Quality", "prometheus": {"query": "$(pod)", "above": 0}}]),
        "spec.checks[0].prometheus.query",
        "unknown $(name)",
    ),
    Refused(
        "a dry run that is approved",
        promotion(dryRun=True, approved=True),
        "spec.approved",
        "a dry run moves nothing, so there is nothing to approve",
    ),
    Refused(
        "a dry run that accepts missing data",
        promotion(dryRun=True, acceptNoData={"weight": 1, "reason": "night"}),
        "spec.approved",
        "a dry run moves nothing, so there is nothing to approve",
    ),
    Refused(
        "a dry run that writes",
        promotion(dryRun=True, setImages=True, images=[{"name": "web", "image": "a"}]),
        "spec.setImages",
        "a dry run writes nothing",
    ),
    Refused("images that are not given", promotion(setImages=True), "spec.setImages", "needs images, or from"),
    Refused(
        "images for a revision that is there",
        promotion(setImages=True, images=[{"name": "web", "image": "a"}], revision="3f2a9c01de"),
        "spec.setImages",
        "makes a new revision: leave revision out",
    ),
    Refused(
        "from the Rollout itself", promotion(**{"from": {"rollout": "web"}}), "spec.from", "names the Rollout itself"
    ),
    Refused("from nothing", promotion(**{"from": {"namespace": "a"}}), "spec.from.rollout", "Required value"),
    Refused(
        "from a namespace of another form",
        promotion(**{"from": {"namespace": "a/b", "rollout": "web"}}),
        "spec.from.namespace",
        "should match",
    ),
]
