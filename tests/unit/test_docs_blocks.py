"""Manifests and commands of the documentation that can be judged without a cluster.

The others, and these once more, meet a real API server in tests/integration/admission/test_documentation.py.
"""

import json
import re
import shlex
from typing import Any

import pytest
from tests.docs import stand_in
from tests.docs.blocks import BLOCKS, LANGUAGES, MANIFESTS, PAGES, REPOSITORY, Block, inline, is_manifest
from tests.docs.fragments import PROMOTION, READERS, BelongsNowhere, completed, whole

from slipway.api.promotion import read_promotion
from slipway.config import ConfigError

# Fragments of the manifests of others: page, first field, and what is known of it instead.
FOREIGN = {
    (
        "docs/dashboard.md",
        "resources",
    ): "a kustomization; integration/admission/test_dashboard_proxy.py builds it",
    ("docs/gitops.md", "source"): "of an Application of Argo CD; tests/e2e/test_gitops.py has one with these fields",
    ("docs/how-to/logs.md", "groups"): "of Loki's ruler, which is not here",
    ("docs/gitops.md", "healthCheckExprs"): "of a Kustomization of Flux; tests/unit/test_docs.py reads its expressions",
}


@pytest.mark.parametrize("block", MANIFESTS, ids=str)
def test_what_is_shown_has_only_fields_that_there_are(block: Block) -> None:
    for document in block.documents:
        if is_manifest(document):
            if document["apiVersion"].startswith("slipway.dev/"):
                READERS[document["kind"]](document)
        elif foreign_key(block, document) not in FOREIGN:
            read(document)


def read(fragment: Any) -> None:
    made = completed(fragment)
    if made is not None:
        READERS[made["kind"]](made)


def test_the_fragments_of_others_are_still_there() -> None:
    found = {
        foreign_key(block, document) for block in MANIFESTS for document in block.documents if not is_manifest(document)
    }
    assert FOREIGN.keys() <= found


def foreign_key(block: Block, document: Any) -> tuple[str, str]:
    return block.page, next(iter(document)) if isinstance(document, dict) else ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"anaylsis": {"gates": []}},
        {"analysis": {"gate": []}},
        {"spec": {"strategy": {"bluegreen": {}}}},
        [{"name": "cpu", "presett": "cpu", "below": 0.8}],
        {"notifications": {"channel": []}},
        {"windows": [{"deny": "fridays", "crom": "0 12 * * FRI"}]},
        {"status": {"notice": 1}},
    ],
)
def test_a_misspelt_field_is_noticed(wrong: Any) -> None:
    with pytest.raises((ValueError, ConfigError)):
        read(wrong)


def test_what_belongs_nowhere_is_said() -> None:
    with pytest.raises(BelongsNowhere, match="anaylsis"):
        completed({"anaylsis": {}})


def test_every_block_says_its_language() -> None:
    assert {block.language for block in BLOCKS} <= LANGUAGES
    for page in PAGES:
        assert len(re.findall(r"^ *```", page.read_text(), re.MULTILINE)) == 2 * sum(
            block.page == str(page.relative_to(REPOSITORY)) for block in BLOCKS
        ), f"{page.name}: a block that is indented, or has no end"


INLINE = [(page, line) for page in PAGES for line in inline(page, "(?:kubectl )?slipway")]


@pytest.mark.parametrize(("page", "line"), INLINE, ids=lambda each: getattr(each, "name", each))
def test_commands_of_slipway_in_sentences_have_options_that_there_are(page: Any, line: str) -> None:
    if "…" in line or "--install-completion" in line:  # which is done as soon as it is read
        return
    words = shlex.split(line.removeprefix("kubectl "))[1:]
    assert stand_in.parse(words, whole=False) == 0


def test_a_wrong_option_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    assert stand_in.parse(["status", "web", "--wiat"]) == 1
    assert stand_in.parse(["records", "lits"]) == 1
    assert stand_in.parse(["retry"]) == 1
    assert "--wiat" in capsys.readouterr().err


PATCHES = [
    (page.name, patch)
    for page in PAGES
    for patch in re.findall(r'`(\{"spec":.+?\})`', page.read_text())
    if "<" not in patch
]


@pytest.mark.parametrize(("page", "patch"), PATCHES)
def test_patches_in_tables_have_fields_that_there_are(page: str, patch: str) -> None:
    said = {name: value for name, value in json.loads(patch)["spec"].items() if value is not None}
    read_promotion(whole("Promotion", PROMOTION | said))
