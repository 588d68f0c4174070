"""Which of several Promotions leads: the newest that matches; older ones end, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, blue_green, template

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))


@dataclass(frozen=True)
class Proposal:
    """A Promotion, in as far as it matters for who leads."""

    environment: str = "production"
    revision: str | None = None
    dry_run: bool = False
    hold: bool = False

    @property
    def matches(self) -> bool:
        return self.environment == "production" and not self.dry_run and self.revision in (None, V2)

    def spec(self) -> Object:
        named = {"revision": self.revision} if self.revision else {}
        return {
            "environment": self.environment,
            "dryRun": self.dry_run,
            **named,
            **({"hold": "wait"} if self.hold else {}),
        }


PROPOSALS = st.builds(
    Proposal,
    environment=st.sampled_from(["production", "production", "production", "staging"]),
    revision=st.sampled_from([None, None, V2, "0123456789"]),
    dry_run=st.sampled_from([False, False, False, True]),
    hold=st.booleans(),
)


def leading(cluster: Cluster, names: list[str]) -> list[str]:
    return [name for name in names if cluster.phase(name) in ("AwaitingApproval", "Held")]


@settings(max_examples=40)
@given(st.lists(PROPOSALS, min_size=1, max_size=5), st.data())
def test_the_newest_that_matches_leads_and_ends_the_others_for_good(
    proposed: list[Proposal], data: st.DataObject
) -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    names: list[str] = []
    for number, proposal in enumerate(proposed):
        # Of two of the same second the name decides.
        names.append(f"web-2-{number}")
        cluster.promote(names[-1], **proposal.spec())
        if data.draw(st.booleans()):
            cluster.run(2)
    cluster.settle()

    matching = [name for name, one in zip(names, proposed, strict=True) if one.matches]
    assert leading(cluster, names) == matching[-1:]
    superseded = [name for name in names if cluster.phase(name) == "Superseded"]
    assert superseded == matching[:-1]

    for name in superseded:
        cluster.say(name, approved=True, approvals={"ada": "sha256:" + "0" * 64})
    cluster.run(5)
    assert [name for name in names if cluster.phase(name) == "Superseded"] == superseded
    assert cluster.live == V1

    if matching:
        cluster.remove("Promotion", matching[-1])
        cluster.run(5)
        # Nobody takes the lead again whose place another one took.
        assert leading(cluster, [name for name in names if name != matching[-1]]) == []
        assert cluster.live == V1
