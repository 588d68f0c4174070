"""What the documentation says is held against the repository: manifests, links, targets, fields, words."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from tests.demo import samples
from tests.docs import argocd_cm, catalogue, chart, pictures, reference
from tests.docs.reasons import reasons

from slipway.api.check import BUILT_IN, OF_TEMPLATE
from slipway.api.notice import NoticeEvent
from slipway.api.promotion import read_promotion
from slipway.api.promotion_policy import read_policy
from slipway.api.rollout import read_rollout
from slipway.cli import app
from slipway.config import Config, LeaderElection, OwnMetrics, Records, Source, Tracing, parse_config
from slipway.core.charge import FINAL, WATCHING
from slipway.core.template_checks import TEMPLATE_CHECKS
from slipway.notifying.cdevents import CDEvents
from slipway.notifying.records import RecordWebhook
from slipway.notifying.settings import Channel, RateLimit, Route, Webhook
from slipway.notifying.templates import PLACEHOLDERS

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "manifests" / "samples"
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
LINKED = sorted([*PAGES, *(REPOSITORY / "manifests").rglob("*.md"), *(REPOSITORY / "tests").rglob("*.md")])
BY_NAME = {page.name: page for page in PAGES}
CORE = "\n".join(path.read_text() for path in (REPOSITORY / "operator" / "slipway" / "core").glob("*.py"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def manifests(text: str) -> list[dict]:
    documents = [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
    return [document for document in documents if str(document.get("apiVersion", "")).startswith("slipway.dev/")]


def validate(document: dict) -> None:
    readers = {"Rollout": read_rollout, "Promotion": read_promotion, "PromotionPolicy": read_policy}
    readers[document["kind"]](document)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_manifests_in_pages_are_valid(page: Path) -> None:
    for block in blocks(page, "yaml"):
        for document in manifests(block):
            validate(document)


@pytest.mark.parametrize("page", [*PAGES, *SAMPLES.glob("*.yaml")], ids=lambda page: page.name)
def test_every_rollout_that_is_shown_can_be_launched(page: Path) -> None:
    """Its template passes Slipway's own checks: who copies it is not blocked by what the page left out."""
    texts = blocks(page, "yaml") if page.suffix == ".md" else [page.read_text()]
    for found in (one for text in texts for one in manifests(text) if one["kind"] == "Rollout"):
        template = found["spec"]["template"]
        said = [judge(template) for judge in TEMPLATE_CHECKS.values()]
        assert [check.message for check in said if check.result != "Passed"] == []
        for container in template["spec"]["containers"]:
            assert "readinessProbe" in container or not container.get("ports"), container["name"]


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_samples_are_valid(sample: Path) -> None:
    for document in manifests(sample.read_text()):
        validate(document)


@pytest.mark.parametrize("sample", ["blue-green", "canary"])
def test_the_demo_changes_only_image_and_times_of_a_sample(sample: str) -> None:
    made, shown = samples.rollout(sample, "registry.example/web:v9"), samples.read(sample)
    validate(made)
    assert made["spec"]["template"]["spec"]["containers"][0].pop("image") == "registry.example/web:v9"
    del shown["spec"]["template"]["spec"]["containers"][0]["image"]
    for spec in (made["spec"], shown["spec"]):
        spec.pop("analysis", None)
        for strategy in spec["strategy"].values():
            for timed in (strategy, *strategy.get("steps", [])):
                for field in ("hold", "verify", "keepPrevious"):
                    timed.pop(field, None)
    assert made == shown


@pytest.mark.parametrize("name", ["canary", "promotion"])
def test_the_readme_shows_the_samples_as_they_are(name: str) -> None:
    sample = (SAMPLES / f"{name}.yaml").read_text()
    assert sample in blocks(BY_NAME["README.md"], "yaml")


def anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        if target.startswith("https://"):
            continue
        path, _, fragment = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{page.name}: {target}"
        assert found.is_relative_to(REPOSITORY), f"{page.name}: {target} leads out of the repository"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_and_paths_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"`([^`\n]+)`", page.read_text()) + [
        line for block in blocks(page, "(?:sh|console|text)") for line in block.splitlines()
    ]
    for line in code:
        for target in re.findall(r"\bmake ([a-z0-9-]+)", line):
            assert target in targets, f"{page.name}: make {target}"
        for path in re.findall(r"(?<![\w/.~-])((?:manifests|crds|docs|tests|operator)/[\w./-]*\w)", line):
            assert (REPOSITORY / path).exists(), f"{page.name}: {path}"


def test_the_reference_is_what_the_crds_say() -> None:
    assert reference.PATH.read_text() == reference.render(), "run: python -m tests.docs"


def test_the_catalogue_is_what_the_code_says() -> None:
    assert catalogue.PATH.read_text() == catalogue.render(), "run: python -m tests.docs"


def test_the_chart_is_what_the_manifests_and_its_values_say() -> None:
    for path, text in chart.render().items():
        assert path.exists(), f"{path}: run python -m tests.docs"
        assert path.read_text() == text, f"{path}: run python -m tests.docs"
    assert not chart.superfluous(), "run: python -m tests.docs"


def test_everything_that_is_installed_has_the_version_of_the_package() -> None:
    version = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    meta = yaml.safe_load((REPOSITORY / "charts" / "slipway" / "Chart.yaml").read_text())
    plain = [(REPOSITORY / "manifests" / part / "kustomization.yaml").read_text() for part in ("operator", "dashboard")]
    tags = [image["newTag"] for text in plain for image in yaml.safe_load(text)["images"]]
    labelled = re.findall(r"ARG VERSION=(\S+)", (REPOSITORY / "Dockerfile").read_text())
    assert (len(tags), len(labelled)) == (2, 2)
    assert {meta["version"], meta["appVersion"], *tags, *labelled} == {version.group(1)}


@pytest.mark.parametrize("fragment", [argocd_cm.PLAIN, argocd_cm.DELEGATED], ids=lambda found: found.PATH.name)
def test_the_configuration_of_argo_cd_is_what_the_lua_files_say(fragment: argocd_cm.Fragment) -> None:
    assert fragment.PATH.read_text() == fragment.render(), "run: python -m tests.docs"


ON_ITS_WAY = {"Deploying", "Shifting", "Verifying", "Held", "RollingBack"}
"""Phases of a Rollout that something follows on without a change in Git."""


def test_flux_is_told_of_every_final_phase() -> None:
    (shown,) = [block for block in blocks(BY_NAME["gitops.md"], "yaml") if block.startswith("healthCheckExprs:")]
    rest = {"Rollout": phases("rollouts") - ON_ITS_WAY, "Promotion": FINAL | {WATCHING, "Blocked"}}
    for told in yaml.safe_load(shown)["healthCheckExprs"]:
        current, failed = (set(re.findall(r"'(\w+)'", told[key])) for key in ("current", "failed"))
        assert not current & failed
        assert current | failed == rest.pop(told["kind"])
    assert not rest


def phases(plural: str) -> set[str]:
    crd = yaml.safe_load((REPOSITORY / "crds" / f"slipway.dev_{plural}.yaml").read_text())
    status = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    return set(re.findall(r"[A-Z]\w+", status["properties"]["phase"]["description"]))


def test_troubleshooting_has_every_phase_and_every_reason() -> None:
    page = BY_NAME["troubleshooting.md"].read_text()
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    reasons = set(re.findall(r'Acceptance\(\s*False,\s*"(\w+)"', CORE))
    assert reasons, "the words are looked for in the wrong place"
    assert reasons <= listed
    assert phases("rollouts") | phases("promotions") <= listed


def test_troubleshooting_has_every_reason_of_every_condition() -> None:
    page = BY_NAME["troubleshooting.md"].read_text()
    rows = re.findall(r"^\|(.*?\|.*?)\|", page, re.MULTILINE)
    assert reasons() - {word for row in rows for word in re.findall(r"`(\w+)`", row)} == set()
    assert len(reasons()) > 60, "the words are looked for in the wrong place"


@pytest.mark.parametrize("source", pictures.SOURCES, ids=lambda path: path.stem)
def test_a_picture_is_what_its_source_says_and_is_told_in_words(source: Path) -> None:
    picture = source.with_suffix(".svg")
    assert pictures.drawn_from(picture) == pictures.digest(source), "run: python -m tests.docs.pictures"
    shown = [text for page in PAGES for text in re.findall(rf"!\[([^]]+)\]\([^)]*{picture.name}\)", page.read_text())]
    assert shown, "no page shows it"
    assert all(len(text) > 40 for text in shown)


def test_every_page_can_be_found_from_the_readme() -> None:
    reached, left = set(), [BY_NAME["README.md"]]
    while left:
        page = left.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)#]+\.md)", page.read_text()):
            found = (page.parent / target).resolve()
            if found in PAGES and found not in reached:
                left.append(found)
    assert {page.name for page in PAGES} == {page.name for page in reached}


def test_kubectl_has_every_command_and_no_other() -> None:
    page = BY_NAME["kubectl.md"].read_text()
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    for name in commands - {"run", "crds"}:
        assert re.search(rf"^\| `(?:[^`|]*`, `)?{name}\b", page, re.MULTILINE), name
    for shown in re.findall(r"\b(?:kubectl )?slipway ([a-z]+)\b", "\n".join(blocks(BY_NAME["kubectl.md"], "sh"))):
        assert shown in commands | {"records"}, shown


def test_troubleshooting_has_every_check() -> None:
    page = BY_NAME["troubleshooting.md"].read_text()
    for name in (*BUILT_IN, *OF_TEMPLATE):
        assert f"| `{name}` |" in page


def test_operations_has_every_field_of_the_configuration() -> None:
    page = BY_NAME["operations.md"].read_text()
    fields = {f"sources[].{alias(Source, name)}" for name in Source.model_fields}
    fields |= {f"leaderElection.{alias(LeaderElection, name)}" for name in LeaderElection.model_fields}
    fields |= {f"records.{alias(Records, name)}" for name in Records.model_fields}
    fields |= {f"tracing.{alias(Tracing, name)}" for name in Tracing.model_fields}
    fields |= {f"metrics.{alias(OwnMetrics, name)}" for name in OwnMetrics.model_fields}
    grouped = {"sources", "leader_election", "records", "metrics"}
    fields |= {f"cdevents.{alias(CDEvents, name)}" for name in CDEvents.model_fields}
    fields |= {f"records.webhook.{alias(RecordWebhook, name)}" for name in RecordWebhook.model_fields}
    fields |= {alias(Config, name) for name in Config.model_fields if name not in grouped}
    for part, model in {
        "channels[]": Channel,
        "channels[].webhook": Webhook,
        "routes[]": Route,
        "rateLimit": RateLimit,
    }.items():
        fields |= {f"notifications.{part}.{alias(model, name)}" for name in model.model_fields}
    fields |= {"notifications.templates", "notifications.repeatAfter"}
    for field in fields:
        assert f"| `{field}` |" in page


def test_notifications_has_every_event_and_placeholder_and_a_configuration_that_works() -> None:
    page = BY_NAME["notifications.md"]
    for event in get_args(NoticeEvent):
        assert f"| `{event}` |" in page.read_text()
    for name in PLACEHOLDERS:
        assert f"`${name}`" in page.read_text()
    shown = [block for block in blocks(page, "yaml") if block.startswith("notifications:")]
    assert all(parse_config(block).notifications.routes for block in shown)
    assert shown


def alias(model: type, name: str) -> str:
    return model.model_fields[name].alias or name  # type: ignore[attr-defined, no-any-return]


def test_every_rule_has_a_test_that_is_named_after_it() -> None:
    rules = [int(number) for number in re.findall(r"^(\d+)\. ", BY_NAME["semantics.md"].read_text(), re.M)]
    assert rules == list(range(1, 36))
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert [rule for rule in rules if f"def test_semantics_{rule:02}_" not in tests] == []
