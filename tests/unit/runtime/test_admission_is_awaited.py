"""Whether approvals are verified is asked again soon, where an install brings the policy after the operator."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from slipway.cluster.errors import APIError, NotFound
from slipway.config import Config
from slipway.runtime import operator as module
from slipway.runtime.operator import Operator, Options


async def test_the_policy_is_found_long_before_the_next_listing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "POLICY_SECONDS", 0.0)
    operator = Operator(Config(), Options(kubeconfig=tmp_path / "none"))
    answers = [NotFound(404, "", ""), NotFound(404, "", ""), {"spec": {"validationActions": ["Deny"]}}]
    asked = 0

    async def get(*_: Any) -> Any:
        nonlocal asked
        answer, asked = answers[asked], asked + 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(operator._client, "get", get)
    resting = asyncio.create_task(operator._rest(3600))
    async with asyncio.timeout(30):
        while not operator._settings().identity_verified:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    assert asked == len(answers)
    assert not resting.done()  # and from now on it only waits for the next listing
    resting.cancel()


async def test_what_keeps_it_from_being_known_is_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    operator = Operator(Config(), Options(kubeconfig=tmp_path / "none"))
    problems = [APIError("may not get it", 403), APIError("may not get it", 403), APIError("no answer")]

    async def get(*_: Any) -> Any:
        raise problems.pop(0)

    monkeypatch.setattr(operator._client, "get", get)
    while problems:
        await operator._fitness.check_policy()
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2
    assert "may not get it" in said[0]
    assert "no answer" in said[1]
    assert not operator._settings().identity_verified
