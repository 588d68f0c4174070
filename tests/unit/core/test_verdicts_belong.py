"""A verdict belongs to one revision and one stage (SEMANTICS 14): those of a candidate never send stable back."""

from datetime import UTC, datetime, timedelta

from slipway.api.rollout import Gate, GateStatus, SmokeTest, SmokeTestStatus
from slipway.core import gates, smoke
from slipway.core.gates import Subject
from slipway.core.smoke import Occasion
from slipway.core.snapshot import Unverified

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GATE = Gate(name="errors", preset="error-rate", below=0.01, window=timedelta(seconds=5))
BROKEN = GateStatus(
    name="errors", revision="cccccccccc", since=NOW, verdict="Fail", failures=2, measured_at=NOW + timedelta(seconds=9)
)
STABLE = Subject("shop", "web", "aaaaaaaaaa", NOW - timedelta(minutes=1), "watch")
TEST = SmokeTest.model_validate({"name": "home", "http": {"port": "http"}})


def test_semantics_14_a_broken_gate_of_the_candidate_is_not_stables() -> None:
    folded = gates.fold_all([BROKEN], (GATE,), STABLE, {}, timedelta(seconds=1))
    assert gates.broken((GATE,), folded) == ""
    assert folded[0].failures == 0


def test_semantics_14_a_gate_of_an_earlier_stage_starts_anew() -> None:
    later = Subject("shop", "web", "cccccccccc", NOW + timedelta(minutes=1), "1:50")
    folded = gates.fold_all([BROKEN], (GATE,), later, {}, timedelta(seconds=1))
    assert gates.broken((GATE,), folded) == ""
    assert gates.waiting((GATE,), folded, excused=False) == "gate errors has not been measured yet"


def test_semantics_14_a_gate_of_the_same_stage_goes_on() -> None:
    same = Subject("shop", "web", "cccccccccc", NOW, "0:10")
    folded = gates.fold_all([BROKEN], (GATE,), same, {}, timedelta(seconds=1))
    assert gates.broken((GATE,), folded) != ""


def test_semantics_16_a_smoke_test_that_cannot_be_run_neither_passes_nor_fails() -> None:
    watch = Occasion("cccccccccc", "watch", NOW - timedelta(minutes=1), timedelta(seconds=1))
    once = Occasion("cccccccccc", "preview", NOW - timedelta(minutes=1), None)
    for occasion in (watch, once):
        known = [SmokeTestStatus(name="home", revision="cccccccccc", verdict="Fail", at=NOW, failures=1)]
        for second in range(1, 4):
            at = NOW + timedelta(seconds=100 * second)
            known[0] = known[0].model_copy(update={"verdict": "Error"}) if occasion is once else known[0]
            due = smoke.due(TEST, known[0], occasion)
            assert due is not None
            seen = {smoke.key(TEST, occasion, due): Unverified(at=at, message="the quota is full")}
            known = smoke.fold_all(known, [TEST], occasion, seen)
            assert (known[0].verdict, known[0].failures, known[0].at) == ("Error", 1, at)
        assert smoke.broken([TEST], known, occasion) == ""
        assert smoke.unmet([TEST], known, occasion) == "smoke test home: the quota is full"
    assert smoke.due(TEST, known[0], once) == NOW + timedelta(seconds=300) + smoke.RETRY


def test_semantics_14_a_failed_smoke_test_of_the_candidate_is_not_stables() -> None:
    failed = SmokeTestStatus(name="home", revision="cccccccccc", verdict="Fail", at=NOW, failures=2)
    watch = Occasion("aaaaaaaaaa", "watch", NOW - timedelta(minutes=1), timedelta(seconds=1))
    assert smoke.broken([TEST], [failed], watch) == ""
    assert smoke.unmet([TEST], [failed], watch) == "smoke test home has not run yet"
    own = Occasion("cccccccccc", "verify", NOW - timedelta(minutes=1), timedelta(seconds=1))
    assert smoke.broken([TEST], [failed], own) != ""
