"""Where the report of a Promotion is to be read: known before it is written."""

from __future__ import annotations

from slipway.core import names


def command(namespace: str, promotion: str) -> str:
    """Prints the report."""
    name = names.report_name(promotion)
    return rf"kubectl -n {namespace} get configmap {name} -o jsonpath='{{.data.report\.md}}'"
