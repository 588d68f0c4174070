"""A pod template as the user wrote it. It is hashed, so nothing is added to it or converted."""

from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from slipway.api.extensions import rule
from slipway.api.model import invalid

OUR_LABELS = ("slipway.dev/rollout", "slipway.dev/revision")

# Whether a Deployment takes it is asked of the API server by a dry run: here only what must be known before.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "metadata": {
            "type": "object",
            "description": "Labels and annotations of the pods.",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "labels": {
                    "type": "object",
                    "description": "Labels of the pods. The operator adds slipway.dev/rollout and /revision.",
                    "additionalProperties": {"type": "string", "maxLength": 63},
                    "maxProperties": 100,
                    "x-kubernetes-validations": [
                        rule(f"!('{label}' in self)", f"{label} is set by the operator") for label in OUR_LABELS
                    ],
                }
            },
        },
        "spec": {
            "type": "object",
            "description": "The pod, as in a Deployment's template.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}


def check_shape(template: dict[str, Any], of: str) -> None:
    """Refuses what is no PodTemplateSpec; `of` is the kind that people know it from."""
    for key, value in template.items():
        if key not in ("metadata", "spec"):
            raise invalid("unknown field", "metadata and spec", f".{key}")
        if not isinstance(value, dict):
            raise invalid(f"{value!r} is no object", "an object", f".{key}")
    if "spec" not in template:
        raise invalid("missing", f"the pod, as in a {of}'s template", ".spec")


def _check(template: dict[str, Any]) -> dict[str, Any]:
    check_shape(template, "Deployment")
    labels = template.get("metadata", {}).get("labels", {})
    if not isinstance(labels, dict):
        raise invalid(f"{labels!r} is no object", "an object", ".metadata.labels")
    for label in OUR_LABELS:
        if label in labels:
            raise invalid("set by the operator", "leave it out", f".metadata.labels[{label}]")
    return template


Template = Annotated[dict[str, Any], AfterValidator(_check), WithJsonSchema(SCHEMA)]
"""A PodTemplateSpec as raw data, exactly as the API server has it."""
