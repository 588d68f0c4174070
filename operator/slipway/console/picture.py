"""What is drawn of the Rollouts that were looked at: all of it, or as much as a screen holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group
from rich.segment import Segment
from rich.text import Text
from rich.tree import Tree

from slipway.api.promotion_status import read_status as read_promotion_status
from slipway.api.rollout import read_status
from slipway.cluster.api import Object, Objects
from slipway.console import whole
from slipway.console.detail import Detail
from slipway.console.session import Workload
from slipway.console.tree import Trace, head, tree


@dataclass(frozen=True)
class Picture:
    """Rollouts with all that belongs to them. `running` is by namespace and name."""

    rollouts: Objects
    promotions: Objects
    running: Mapping[tuple[str, str], Workload]
    trace: Trace
    nothing: str
    """What is said where there are no Rollouts."""

    def drawn(self, detail: Detail = Detail.FULL) -> Group:
        """A tree for each Rollout."""
        resting = self._resting() if detail >= Detail.COUNTED else []
        drawn: list[Tree | Text] = [self._tree(one, detail) for one in self.rollouts if one not in resting]
        if resting and detail is Detail.CUT:
            drawn.append(Text(f"{len(resting)} {'Rollout is' if len(resting) == 1 else 'Rollouts are'} Healthy"))
        else:
            drawn += [head(one) for one in resting]
        return Group(*drawn) if self.rollouts else Group(Text(self.nothing))

    def _tree(self, rollout: Object, detail: Detail) -> Tree:
        meta = rollout["metadata"]
        running = self.running.get((meta["namespace"], meta["name"]), Workload([], []))
        return tree(rollout, self.promotions, running.deployments, running.pods, self.trace, detail)

    def _resting(self) -> Objects:
        """Those of many of which nobody waits for anything."""
        many = len(self.rollouts) > 1
        return [one for one in self.rollouts if many and self._rests(one)]

    def _rests(self, rollout: Object) -> bool:
        waiting = (
            one for one in whole.promotions(rollout, self.promotions) if not read_promotion_status(one).finished_at
        )
        return read_status(rollout).phase == "Healthy" and not any(waiting)


@dataclass(frozen=True)
class Fitting:
    """The picture in so much detail as the screen holds, with a word below it."""

    picture: Picture
    below: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """As rich asks for it."""
        word = console.render_lines(Text(self.below), options.update(height=None), pad=False) if self.below else []
        room = options.size.height - len(word)
        lines: list[list[Segment]] = []
        for detail in (Detail.FOLDED, Detail.COUNTED, Detail.CUT):
            within = options.update(height=None)
            if detail is Detail.CUT:
                within = within.update(no_wrap=True, overflow="ellipsis")
            lines = console.render_lines(self.picture.drawn(detail), within, pad=False)
            if len(lines) <= room:
                break
        else:
            lines = [*lines[: room - 1], [Segment("…")]]
        for line in (*lines, *word):
            yield from line
            yield Segment.line()
