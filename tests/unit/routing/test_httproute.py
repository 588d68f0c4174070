"""Only the weights of our two backends are ours in an HTTPRoute (SEMANTICS 8), and what cannot be split is refused."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.objects import NAME, NAMESPACE, START, Object, backend, canary, rollout, route, taken

from slipway.core import moves
from slipway.core.case import Case, read
from slipway.core.decision import SetWeights
from slipway.core.snapshot import Snapshot
from slipway.routing import httproute
from slipway.routing.httproute import Share

LIVE, CANDIDATE, PREVIEW = NAME, f"{NAME}-candidate", f"{NAME}-preview"
OURS = [backend(LIVE, 100), backend(CANDIDATE, 0)]
FOREIGN = {"backendRefs": [backend("docs", 7), backend("docs-b", 3)]}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("audit")}}


def rule(*refs: Object, **fields: Any) -> Object:
    return {**fields, "backendRefs": list(refs)}


def shares(obj: Object) -> list[Share]:
    return httproute.shares(obj, NAMESPACE, LIVE, CANDIDATE)


def problems(obj: Object) -> list[str]:
    return httproute.problems(obj, NAMESPACE, LIVE, CANDIDATE)


def case(*routes: Object, spec: Object | None = None) -> Case:
    obj = rollout(spec or canary())
    return read(Snapshot(namespace=NAMESPACE, name=NAME, rollout=obj, routes=routes), obj, START)


def given_to_candidate(obj: Object, weight: int) -> Object:
    """The route as it is once the weights are written by their place, which is all that a write says."""
    out = copy.deepcopy(obj)
    for write in moves.weights(case(obj), weight):
        for (index, place), value in write.weights.items():
            out["spec"]["rules"][index]["backendRefs"][place]["weight"] = value
    return out


# --- What is written


def foreign_refs() -> st.SearchStrategy[list[Object]]:
    """Backends that are not ours, however much they look like it; parked at 0 where they stand beside ours."""
    other = st.sampled_from(
        [
            {"name": "docs"},
            {"name": LIVE, "namespace": "elsewhere"},
            {"name": CANDIDATE, "namespace": "elsewhere"},
            {"name": LIVE, "kind": "Backend", "group": "gateway.envoyproxy.io"},
            {"name": CANDIDATE, "kind": "ServiceImport", "group": "multicluster.x-k8s.io"},
            {"name": PREVIEW + "-of-others"},
        ]
    )
    return st.lists(other.map(lambda ref: {**ref, "port": 80, "weight": 0, "filters": [MIRROR]}), max_size=3)


@st.composite
def our_rule(draw: st.DrawFn) -> Object:
    live = backend(LIVE, draw(st.none() | st.integers(0, 1000)), filters=[MIRROR])
    candidate = backend(
        CANDIDATE, draw(st.none() | st.integers(0, 1000)), namespace=NAMESPACE, kind="Service", group=""
    )
    refs = draw(st.permutations([live, candidate, *draw(foreign_refs())]))
    extra = draw(
        st.sampled_from([{}, {"name": "main"}, {"timeouts": {"request": "3s"}}, {"retry": {"attempts": 2}}])
        | st.just({"filters": [MIRROR], "matches": [{"path": {"type": "PathPrefix", "value": "/api"}}]})
    )
    return rule(*refs, **extra)


def their_rule() -> st.SearchStrategy[Object]:
    return st.sampled_from(
        [
            FOREIGN,
            rule(),
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]},
            rule(backend(LIVE, 90, namespace="elsewhere"), backend(CANDIDATE, 10, namespace="elsewhere")),
        ]
    )


@settings(deadline=None)
@given(st.lists(our_rule() | their_rule(), min_size=1, max_size=4), st.integers(0, 100))
def test_semantics_08_what_was_set_is_read_and_everything_else_is_as_it_was(rules: list[Object], weight: int) -> None:
    before = taken(route(NAME, *rules, hostnames=["web.example"]))
    kept = copy.deepcopy(before)
    after = given_to_candidate(before, weight)
    assert before == kept, "what the API server gave is never changed in place"
    mine = {
        (index, place)
        for index, each in enumerate(rules)
        for place, ref in enumerate(each.get("backendRefs") or [])
        if ref["name"] in (LIVE, CANDIDATE) and ref.get("namespace", NAMESPACE) == NAMESPACE and not ref.get("group")
    }
    for index, place in mine:
        ref = after["spec"]["rules"][index]["backendRefs"][place]
        wanted = weight if ref["name"] == CANDIDATE else 100 - weight
        assert ref["weight"] == wanted
        assert type(ref["weight"]) is int
        for side in (before, after):
            side["spec"]["rules"][index]["backendRefs"][place].pop("weight", None)
    assert after == before
    assert len(shares(before)) == len(mine) / 2


@settings(deadline=None)
@given(st.lists(our_rule() | their_rule(), min_size=1, max_size=4), st.integers(0, 100))
def test_semantics_31_weights_that_are_there_are_not_written_again(rules: list[Object], weight: int) -> None:
    assert moves.weights(case(given_to_candidate(route(NAME, *rules), weight)), weight) == []


@settings(deadline=None)
@given(st.lists(our_rule(), min_size=1, max_size=4), st.integers(0, 100))
def test_semantics_08_the_weights_of_every_rule_are_one_share_in_percent(rules: list[Object], weight: int) -> None:
    found = shares(given_to_candidate(route(NAME, *rules), weight))
    assert len(found) == len(rules)
    for share in found:
        assert share.live_weight + share.candidate_weight == 100
        assert (share.candidate_percent, share.live_percent) == (weight, 100 - weight)


def test_semantics_08_only_rules_that_differ_are_written_and_at_the_version_that_was_read() -> None:
    obj = route(NAME, rule(*OURS), FOREIGN, rule(backend(CANDIDATE, 25), backend(LIVE, 75)))
    (write,) = moves.weights(case(obj), 25)
    assert (write.namespace, write.name) == (NAMESPACE, NAME)
    assert write.resource_version == obj["metadata"]["resourceVersion"]
    assert write.weights == {(0, 0): 75, (0, 1): 25}


def test_semantics_08_a_route_that_is_not_listed_is_not_written() -> None:
    """Only spec.traffic.httpRoutes says which routes may be edited, and only those of the Rollout's namespace."""
    elsewhere = route(NAME, rule(backend(LIVE, 1, namespace=NAMESPACE), backend(CANDIDATE, 0, namespace=NAMESPACE)))
    elsewhere["metadata"]["namespace"] = "elsewhere"
    assert moves.weights(case(route("other"), elsewhere), 25) == []
    both = canary(traffic={"httpRoutes": [{"name": "b"}, {"name": "a"}]})
    assert [write.name for write in moves.weights(case(route("b"), route("a"), route("c"), spec=both), 25)] == [
        "a",
        "b",
    ]


def test_weights_that_nobody_knows_are_not_written() -> None:
    assert moves.weights(case(route(live=60, candidate=30)), None) == []


def test_the_rehearsed_way_back_is_all_weight_home() -> None:
    """What the dry run asks the API server for must be what an abort would write, even where it is home already."""
    obj = route(NAME, FOREIGN, rule(*OURS))
    there = case(obj)
    serving = replace(there, lineage=replace(there.lineage, stable=there.lineage.desired))
    (found,) = [write for write in moves.way_back(serving) if isinstance(write, SetWeights)]
    assert found.weights == {(1, 0): 100, (1, 1): 0}


# --- What is read


@pytest.mark.parametrize(
    ("live", "candidate", "percent"),
    [
        (100, 0, 0),
        (0, 100, 100),
        (75, 25, 25),
        (None, None, 50),
        (None, 0, 0),
        (0, None, 100),
        (3, 1, 25),
        (2, 1, 34),
        (299, 1, 1),
        (0, 0, 0),
    ],
)
def test_a_share_is_read_in_percent_rounded_up_and_a_weight_is_1_by_default(
    live: int | None, candidate: int | None, percent: int
) -> None:
    (share,) = shares(route(NAME, rule(backend(LIVE, live), backend(CANDIDATE, candidate))))
    assert share.candidate_percent == percent


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000))
def test_a_share_is_never_read_as_less_than_it_is(live: int, candidate: int) -> None:
    """The share is held against what was approved: rounding may only say too much."""
    (share,) = shares(route(NAME, rule(backend(LIVE, live), backend(CANDIDATE, candidate))))
    total = live + candidate
    assert share.candidate_percent * total >= 100 * candidate
    assert share.live_percent * total >= 100 * live
    assert max(share.candidate_percent, share.live_percent) <= 100
    assert (share.candidate_percent == 0) == (candidate == 0)


def test_a_share_says_where_it_is() -> None:
    obj = route(NAME, FOREIGN, rule(backend("docs", 0), backend(CANDIDATE, 10), backend(LIVE, 90)))
    assert shares(obj) == [Share(NAME, 1, 2, 90, 1, 10)]


@pytest.mark.parametrize(
    "ref",
    [
        {"name": LIVE, "kind": "Service"},
        {"name": LIVE, "group": ""},
        {"name": LIVE, "group": None, "kind": None, "namespace": None},
        {"name": LIVE, "namespace": NAMESPACE},
        {"name": LIVE, "port": 9999},
    ],
)
def test_a_backend_is_ours_with_the_defaults_written_out_and_at_any_port(ref: Object) -> None:
    obj = route(NAME, rule(ref, backend(CANDIDATE, 0)))
    assert len(shares(obj)) == 1
    assert problems(obj) == []


@pytest.mark.parametrize(
    "ref",
    [
        {"name": "web2"},
        {"name": LIVE, "namespace": "elsewhere"},
        {"name": LIVE, "kind": "ServiceImport"},
        {"name": LIVE, "group": "multicluster.x-k8s.io"},
        {},
    ],
)
def test_another_kind_group_namespace_or_name_is_not_ours(ref: Object) -> None:
    obj = route(NAME, rule(ref, backend(CANDIDATE, 0)))
    assert shares(obj) == []
    assert not httproute.names_service(ref, obj, NAMESPACE, LIVE)


def test_a_backend_without_a_namespace_is_in_that_of_its_route() -> None:
    obj = route(NAME, rule(*OURS))
    obj["metadata"]["namespace"] = "elsewhere"
    assert shares(obj) == []
    assert not httproute.mentions(obj, NAMESPACE, LIVE, CANDIDATE)
    assert httproute.mentions(obj, "elsewhere", LIVE)


def test_the_ports_of_both_backends_and_of_no_others_are_named() -> None:
    refs = [
        backend(LIVE, 100),
        backend(CANDIDATE, 0, port=8080),
        backend("docs", 0, port=1),
        backend(LIVE, 0, port=2, namespace="elsewhere"),
    ]
    obj = route(NAME, rule(*refs), rule({"name": LIVE}, backend(LIVE, port=443)))
    assert httproute.ports_named(obj, NAMESPACE, LIVE, CANDIDATE) == {80, 8080, 443}
    assert httproute.ports_named(obj, NAMESPACE, CANDIDATE) == {8080}


@pytest.mark.parametrize("holder", ["backendRefs", "rule filter", "backend filter"])
def test_a_route_mentions_a_service_as_a_backend_and_as_a_mirror(holder: str) -> None:
    """A mirror sends real requests too: to an unapproved candidate it must not."""
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend(PREVIEW)}}
    rules = {
        "backendRefs": rule(backend("docs"), backend(PREVIEW, 0)),
        "rule filter": rule(backend("docs"), filters=[{"type": "URLRewrite"}, mirror]),
        "backend filter": rule(backend("docs", filters=[mirror])),
    }
    obj = route(NAME, FOREIGN, rules[holder])
    assert httproute.mentions(obj, NAMESPACE, PREVIEW)
    assert not httproute.mentions(obj, NAMESPACE, LIVE, CANDIDATE)


@pytest.mark.parametrize("spec", [None, {}, {"rules": None}, {"rules": []}, {"rules": [{}]}, {"rules": [rule()]}])
def test_semantics_30_a_route_without_backends_is_read_all_the_same(spec: Object | None) -> None:
    obj = {**route(), "spec": spec}
    assert shares(obj) == []
    assert httproute.ports_named(obj, NAMESPACE, LIVE) == set()
    assert not httproute.mentions(obj, NAMESPACE, LIVE)
    assert problems(obj) == [f"HTTPRoute {NAME}: no rule lists {LIVE} and {CANDIDATE} as backends"]


# --- What is refused


def test_a_route_that_splits_between_our_two_backends_is_usable() -> None:
    assert problems(route()) == []
    assert problems(route(NAME, FOREIGN, rule(*OURS), FOREIGN, rule(backend(CANDIDATE), backend(LIVE)))) == []


@pytest.mark.parametrize(
    "refs",
    [
        [backend(LIVE, 100)],
        [backend(CANDIDATE, 100)],
        [backend(CANDIDATE, 0)],
        [backend(LIVE, 50), backend(LIVE, 50, port=443), backend(CANDIDATE, 0)],
        [backend(LIVE, 100), backend(CANDIDATE, 0), backend(CANDIDATE, 0)],
        [backend(LIVE, 100), backend(CANDIDATE, 0, namespace="elsewhere")],
    ],
)
def test_semantics_08_a_rule_must_list_each_of_our_backends_once(refs: list[Object]) -> None:
    """Also beside rules that do: what it would send is not what was approved."""
    expected = [f"HTTPRoute {NAME}: spec.rules[1].backendRefs must list {LIVE} and {CANDIDATE}, each once"]
    assert problems(route(NAME, rule(*OURS), rule(*refs))) == expected


@pytest.mark.parametrize("foreign", [backend("docs", 1), backend("docs"), backend(LIVE, 5, namespace="elsewhere")])
def test_semantics_08_weighted_backends_of_others_beside_ours_are_refused(foreign: Object) -> None:
    """Percent of a rule that others share would not be percent of the requests."""
    expected = f"HTTPRoute {NAME}: spec.rules[0].backendRefs has weighted backends beside {LIVE} and {CANDIDATE}: "
    assert problems(route(NAME, rule(*OURS, foreign))) == [expected + "remove them"]


def test_backends_of_others_without_weight_may_stand_beside_ours() -> None:
    assert problems(route(NAME, rule(*OURS, backend("docs", 0)))) == []


def test_semantics_08_rules_that_do_not_name_us_are_nobodys_business() -> None:
    sticky = FOREIGN | {"sessionPersistence": {"sessionName": "docs"}}
    assert problems(route(NAME, sticky, rule(*OURS), {"filters": [MIRROR]})) == []


def test_semantics_09_session_persistence_is_refused_because_it_overrides_weights() -> None:
    obj = route(NAME, FOREIGN, rule(*OURS, sessionPersistence={"sessionName": "web", "type": "Cookie"}))
    assert problems(obj) == [f"HTTPRoute {NAME}: spec.rules[1].sessionPersistence overrides weights: remove it"]


def test_everything_that_is_wrong_is_said_at_once_with_its_path() -> None:
    wrong = rule(backend(LIVE, 1), backend("docs", 1), sessionPersistence={"type": "Cookie"})
    found = problems(route(NAME, rule(*OURS), FOREIGN, wrong, rule(*OURS, backend("docs"))))
    paths = [text.split(": ")[1].split()[0] for text in found]
    assert paths == [
        "spec.rules[2].backendRefs",
        "spec.rules[2].backendRefs",
        "spec.rules[2].sessionPersistence",
        "spec.rules[3].backendRefs",
    ]


def test_a_route_that_names_neither_of_ours_says_which_two_are_missing() -> None:
    assert problems(route(NAME, FOREIGN)) == [f"HTTPRoute {NAME}: no rule lists {LIVE} and {CANDIDATE} as backends"]


# --- Converged (9)


def settled(**changes: Any) -> Object:
    """A route at generation 2, and a gateway's status with one condition changed; None removes it."""
    obj = route()
    obj["metadata"]["generation"] = 2
    obj = taken(obj)
    conditions = {c["type"]: c for c in obj["status"]["parents"][0]["conditions"]}
    for kind, change in changes.items():
        conditions[kind] = {"type": kind, "status": "True", "observedGeneration": 2, **conditions.get(kind, {})}
        if change is None:
            del conditions[kind]
        else:
            conditions[kind].update(change)
    obj["status"]["parents"][0]["conditions"] = list(conditions.values())
    return obj


def test_semantics_09_a_route_that_its_gateway_follows_has_settled() -> None:
    assert httproute.unsettled(settled()) == ""
    assert httproute.unsettled(settled(PartiallyInvalid={"status": "False"})) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Accepted": None}, "Accepted is not True at gateway gateway (Unknown)"),
        ({"ResolvedRefs": None}, "ResolvedRefs is not True at gateway gateway (Unknown)"),
        ({"Accepted": {"status": "False", "reason": "NotAllowedByListeners"}}, "(NotAllowedByListeners)"),
        ({"ResolvedRefs": {"status": "False", "reason": "BackendNotFound"}}, "(BackendNotFound)"),
        ({"Accepted": {"status": "Unknown", "reason": "Pending"}}, "Accepted is not True"),
        ({"Accepted": {"observedGeneration": 1}}, "has not seen generation 2 yet"),
        ({"ResolvedRefs": {"observedGeneration": 1}}, "has not seen generation 2 yet"),
        ({"ResolvedRefs": {"observedGeneration": None}}, "has not seen generation 2 yet"),
        ({"PartiallyInvalid": {"status": "True"}}, "PartiallyInvalid"),
    ],
)
def test_semantics_09_whatever_is_not_known_to_be_followed_is_not_settled(changes: Object, words: str) -> None:
    text = httproute.unsettled(settled(**changes))
    assert text.startswith(f"HTTPRoute {NAME}: ")
    assert words in text


def test_semantics_09_every_parent_has_to_follow() -> None:
    obj = settled()
    obj["spec"]["parentRefs"] = [{"name": "gateway"}, {"name": "gateway", "sectionName": "https"}]
    assert "no gateway has taken it for parent gateway" in httproute.unsettled(obj)
    other = {**obj["status"]["parents"][0], "parentRef": {"name": "gateway", "sectionName": "https"}}
    obj["status"]["parents"].append(other)
    assert httproute.unsettled(obj) == ""
    late = [{**c, "observedGeneration": 1} for c in other["conditions"]]
    obj["status"]["parents"][1] = {**other, "conditions": late}
    assert "has not seen generation 2 yet" in httproute.unsettled(obj)


@pytest.mark.parametrize(
    ("ref", "same"),
    [
        ({"name": "gateway", "namespace": NAMESPACE}, True),
        ({"name": "gateway", "namespace": "infra"}, False),
        ({"name": "gateway", "port": 443}, False),
        ({"name": "gateway", "sectionName": "https"}, False),
        ({"name": "other"}, False),
    ],
)
def test_semantics_09_the_word_of_another_parent_is_not_that_of_ours(ref: Object, same: bool) -> None:
    obj = settled()
    obj["status"]["parents"][0]["parentRef"] = ref
    assert (httproute.unsettled(obj) == "") is same


@pytest.mark.parametrize("status", [None, {}, {"parents": []}, {"parents": None}])
def test_semantics_09_a_route_that_no_gateway_has_looked_at_is_not_settled(status: Object | None) -> None:
    assert "no gateway has taken it" in httproute.unsettled({**settled(), "status": status})
    lonely = settled() | {"status": status}
    lonely["spec"] = {**lonely["spec"], "parentRefs": []}
    assert httproute.unsettled(lonely) == f"HTTPRoute {NAME}: no gateway has taken it"
