"""What the pages give users of Velero, and Velero's own code that reads it."""

import json
import subprocess
from typing import Any

import yaml
from tests.cluster.toolchain import program
from tests.docs.blocks import COMMANDS, MANIFESTS

Object = dict[str, Any]

PAGE = "docs/operations.md"
PROMOTIONS = "promotions.slipway.dev"
ROLLOUTS = "rollouts.slipway.dev"


def config_map() -> Object:
    """The rules that the page gives Velero."""
    documents = (document for block in MANIFESTS if block.page == PAGE for document in block.documents)
    (found,) = (each for each in documents if each.get("metadata", {}).get("name") == "slipway-restore")
    return dict(found)


def stripped() -> set[str]:
    """The fields of a Promotion's spec that these rules take out."""
    (rules,) = config_map()["data"].values()
    (rule,) = yaml.safe_load(rules)["resourceModifierRules"]
    (patch,) = rule["mergePatches"]
    return set(yaml.safe_load(patch["patchData"])["spec"])


def modify(rules: Object, *items: tuple[str, Object]) -> tuple[list[Object], list[str]]:
    """What a restore of Velero makes of objects, each with the name of its resource, and what it complains about."""
    asked = {"configMap": rules, "items": [{"resource": resource, "object": obj} for resource, obj in items]}
    argv = [program("velero", "modify")]
    done = subprocess.run(argv, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    return answer["objects"] or [], answer["errors"]


def without_words(*objects: Object) -> list[Object]:
    """What the page's commands for `kubectl` leave of objects, metadata apart."""
    (block,) = (each.text for each in COMMANDS if each.page == PAGE and "SAID=" in each.text)
    (said,) = (line for line in block.splitlines() if line.startswith("SAID="))
    argv = ["bash", "-euc", f'{said}\njq --compact-output "del($SAID)"']
    asked = "\n".join(map(json.dumps, objects))
    done = subprocess.run(argv, input=asked, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
