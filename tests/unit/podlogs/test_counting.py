"""A count of log lines is the right one, or there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.podlogs.kubelet import NOW, Container, Kubelets, pod

from slipway.api.log_lines import ERROR_LINES, compiled
from slipway.cluster.api import Api
from slipway.cluster.errors import Forbidden, Invalid, NotFound, Unavailable
from slipway.core.decision import LogProbe
from slipway.core.snapshot import Measured
from slipway.podlogs import counting, pods
from slipway.podlogs.counting import count
from slipway.podlogs.reading import BYTES, BYTES_OF_LOG

OLD = (600.0, "started")


async def counted(
    *logs: Container, window: float = 60, pattern: str = "ERROR", container: str | None = None, **how: Any
) -> Measured:
    return await asked(Kubelets(*logs, **how), window=window, pattern=pattern, container=container)


async def asked(
    kubelets: Kubelets, window: float = 60, pattern: str = "ERROR", container: str | None = None
) -> Measured:
    probe = LogProbe(
        key="k",
        due=NOW,
        rollout="web",
        revision="abc",
        pattern=pattern,
        container=container,
        window=timedelta(seconds=window),
    )
    return await count(cast(Api, kubelets), "shop", probe, lambda: NOW)


def errors(*ago: float) -> Container:
    return Container([OLD, *((seconds, "ERROR no stock") for seconds in ago)])


async def test_lines_are_counted_per_second_and_pod() -> None:
    found = await counted(errors(1, 2, 3), errors(59), errors())
    assert found.value == pytest.approx(4 / 3 / 60)
    assert (found.no_data, found.error) == (None, None)


async def test_a_log_without_lines_in_the_window_is_no_error_and_not_missing() -> None:
    assert (await counted(errors())).value == 0


async def test_lines_count_up_to_the_edges_of_the_window() -> None:
    assert (await counted(errors(0, 59.999))).value == pytest.approx(2 / 60)
    assert (await counted(errors(60.001))).value == 0


@pytest.mark.parametrize("ahead", [-1.5, 1.5])
async def test_a_clock_that_is_a_little_off_takes_nothing_out_of_a_window(ahead: float) -> None:
    found = await counted(Container([OLD, (2.9, "ERROR"), (0.1, "ERROR"), (3.1, "ERROR")], ahead=ahead), window=3)
    assert found.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (Container([OLD, (1, "ERROR")], begins=30), "its log begins within the window"),
        (Container([(30, "started"), (1, "ERROR")]), "its log begins within the window"),
        (Container([(61, "started"), (1, "ERROR")]), "its log begins within the window"),
        (Container([]), "it has logged nothing yet"),
        (Container([OLD], begins=30), "it has logged nothing yet"),
        (Container([OLD, (1, "x" * BYTES_OF_LOG)]), "more than 4096 KiB"),
        (Container(plain=b"2026-03-01T11:00:00Z ERROR and then"), "breaks off"),
        (Container(refuses=NotFound("gone", 404)), "is gone"),
        (Container(refuses=Invalid("waiting to start: ContainerCreating", 400)), "has no log yet"),
    ],
)
async def test_where_a_line_may_be_missing_there_is_no_number(log: Container, says: str) -> None:
    for logs in ([log], [errors(1), log]):
        found = await counted(*logs)
        assert found.value is None
        assert found.error is None
        assert says in str(found.no_data), found
        assert f"pod web-{len(logs) - 1}" in str(found.no_data)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (Container(plain=b"failed to try resolving symlinks in path\n"), "the kubelet has no log"),
        (Container(plain=b"2026-03-01T11:00:00 no zone\n"), "the kubelet has no log"),
        (Container(plain=b"\xff\xfe x\n"), "the kubelet has no log"),
        (Container([OLD, (1, "ERROR")], ahead=30), "clock"),
        (Container([OLD, (54, "fine")], ahead=-30), "clock"),
        (Container(refuses=Forbidden("no", 403)), "slipway-operator-logs"),
        (Container(refuses=Unavailable("kubelet: secret words", 500)), "(HTTP 500)"),
    ],
)
async def test_what_is_no_log_is_an_error(log: Container, says: str) -> None:
    found = await counted(log, errors())
    assert (found.value, found.no_data) == (None, None)
    assert says in str(found.error)
    assert "secret words" not in str(found.error)


async def test_pods_that_go_are_left_out_and_none_are_no_data() -> None:
    ending = pod("web-1", deletionTimestamp="2026-03-01T12:00:00Z")
    kubelets = Kubelets(errors(1), errors(1, 2), pods=[pod("web-0"), ending])
    assert (await asked(kubelets)).value == pytest.approx(1 / 60)
    nobody = await asked(Kubelets(pods=[ending]))
    assert nobody.no_data == "revision abc has no pods"
    many = await asked(Kubelets(pods=[pod(f"web-{n}") for n in range(pods.MOST + 1)]))
    assert "at most 50" in str(many.no_data)


async def test_the_container_is_the_one_that_is_named_or_that_kubectl_would_show() -> None:
    two = Kubelets(errors(1), pods=[pod("web-0", "web", "proxy")])
    await asked(two)
    await asked(two, container="proxy")
    assert {container for _, container, _, _ in two.asked} == {"web", "proxy"}
    injected = pod("web-0", "proxy", "web", annotations={"kubectl.kubernetes.io/default-container": "web"})
    with_proxy = Kubelets(errors(1), pods=[injected])
    await asked(with_proxy)
    assert {container for _, container, _, _ in with_proxy.asked} == {"web"}
    assert "has no container other; those that it has: web" in str((await counted(errors(), container="other")).error)


async def test_all_pods_together_have_a_limit() -> None:
    kubelets = Kubelets(*(errors(1) for _ in range(32)))
    await asked(kubelets)
    assert sum(limit for *_, seconds, limit in kubelets.asked if seconds is not None) <= BYTES


async def test_a_pattern_that_takes_long_ends_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SECONDS", -1.0)
    assert "takes too long" in str((await counted(errors(1))).error)


LINES = st.lists(st.tuples(st.floats(0, 200), st.sampled_from(["ERROR", "fine", "x" * 300])), max_size=30)


@given(LINES, st.floats(0, 200), st.sampled_from([1, 3, 30, 60]), st.sampled_from([0.0, 1.0, 1.9, -1.0, -1.9]))
async def test_a_number_is_that_of_all_lines_in_the_window_or_there_is_none(
    written: list[tuple[float, str]], begins: float, window: int, ahead: float
) -> None:
    found = await counted(Container(written, begins, ahead), window=window)
    if found.value is None:
        assert found.no_data
        return
    assert round(found.value * window) == sum(text == "ERROR" for ago, text in written if ago <= window)


@given(LINES, st.floats(0, 200), st.sampled_from([1, 30, 60]))
async def test_a_log_that_does_not_go_back_to_the_window_is_never_a_number(
    written: list[tuple[float, str]], begins: float, window: int
) -> None:
    found = await counted(Container(written, begins), window=window)
    oldest = max((ago for ago, _ in written if ago <= begins), default=0)
    if oldest < window:
        assert found.value is None
    if oldest > window + 3:
        assert found.value is not None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("2026-03-01 12:00:00 ERROR stock: none left", True),
        ('{"level":"error","msg":"x"}', True),
        ('{"severity": "FATAL"}', True),
        ("time=1 level=error msg=x", True),
        ("panic: runtime error: index out of range", True),
        ("Traceback (most recent call last):", True),
        ("E0301 12:00:00.000000       1 main.go:1] x", True),
        ('{"level":"info","msg":"no errors"}', False),
        ("0 errors, 0 failures", False),
        ("INFO ERRORS_TOTAL=0", False),
    ],
)
def test_error_lines(line: str, found: bool) -> None:
    assert (compiled(ERROR_LINES).search(line.encode()) is not None) == found
