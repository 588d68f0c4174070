"""A check that is a pod which runs once and has to succeed."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from slipway.api.duration import SecondsUp
from slipway.api.extensions import rule
from slipway.api.model import Model, invalid
from slipway.api.template import check_shape

_OURS = "labels of slipway.dev are Slipway's"

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "metadata": {
            "type": "object",
            "description": "Labels and annotations of the pod.",
            "properties": {
                part: {
                    "type": "object",
                    "description": f"{part.capitalize()} of the pod.",
                    "additionalProperties": {"type": "string", "maxLength": length},
                    "maxProperties": 20,
                }
                for part, length in (("labels", 63), ("annotations", 1024))
            },
        },
        "spec": {
            "type": "object",
            "description": "The pod, as in a Job's template. restartPolicy is Never unless it says otherwise.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}
_SCHEMA["properties"]["metadata"]["properties"]["labels"]["x-kubernetes-validations"] = [
    rule("self.all(name, !name.contains('slipway.dev/'))", _OURS)
]


def _check(template: dict[str, Any]) -> dict[str, Any]:
    check_shape(template, "Job")
    for part, words in template.get("metadata", {}).items():
        if part not in ("labels", "annotations"):
            raise invalid("unknown field", "labels and annotations", f".metadata.{part}")
        if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
            raise invalid("not a map of strings", "a map of strings", f".metadata.{part}")
    for label in template.get("metadata", {}).get("labels", {}):
        if "slipway.dev/" in label:
            raise invalid(_OURS, "leave it out", f".metadata.labels[{label}]")
    return template


JobTemplate = Annotated[dict[str, Any], AfterValidator(_check), WithJsonSchema(_SCHEMA)]
"""A PodTemplateSpec as raw data, without labels of Slipway."""


class JobCheck(Model):
    """A pod that runs once in this namespace, and passes when it exits with 0.

    Who writes one needs the right to create Jobs here. Nothing of Slipway's own rights goes to it: it runs as the
    service account that its template names, and without a token where it names none.
    """

    template: JobTemplate
    """The pod."""
    timeout: SecondsUp = timedelta(minutes=5)
    """It fails when it has not finished by then, retries included."""
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    """How often it is tried again after a failure."""
