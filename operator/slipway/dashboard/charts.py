"""The course of a gate as a picture: what was measured, and the bound that it has to keep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pygal
from pygal.style import Style

from slipway.dashboard.measured import Point

_LIGHT = {"value": "#0b5cad", "failed": "#b3261e", "bound": "#6b4e00", "words": "#4a5560", "guide": "#d5dbe1"}
_DARK = {"value": "#7db7f0", "failed": "#ff8a80", "bound": "#e3b341", "words": "#a9b4bf", "guide": "#39424c"}
SIZE = (640, 200)
_DOTS = 30
"""With more measurements than this the line alone is clearer."""


def gate(points: Sequence[Point], limits: Sequence[float], dark: bool = False) -> str:
    """An SVG document. Bounds are dashed; what did not keep them is a dot of another colour."""
    colours = _DARK if dark else _LIGHT
    chart = pygal.DateTimeLine(
        js=[],
        disable_xml_declaration=True,
        width=SIZE[0],
        height=SIZE[1],
        style=_style(colours, len(limits)),
        show_legend=False,
        show_dots=len(points) <= _DOTS,
        dots_size=2.5,
        margin=8,
        margin_right=36,
        truncate_label=-1,
        x_label_rotation=0,
        x_value_formatter=_clock,
        value_formatter=lambda value: f"{value:.4g}",
        x_labels=_moments(points),
        min_scale=2,
        max_scale=5,
        range=_span(points, limits),
        include_x_axis=False,
    )
    chart.add("measured", [(point.at, point.value) for point in points], stroke_style={"width": 2})
    failed: list[tuple[datetime, float]] = [(point.at, point.value) for point in points if point.failed]
    chart.add("failed", failed, stroke=False, show_dots=True, dots_size=4)
    for limit in limits:
        ends = [(point.at, limit) for point in (points[0], points[-1])] if points else []
        chart.add("bound", ends, show_dots=False, stroke_style={"width": 2, "dasharray": "6, 4"})
    return str(chart.render(is_unicode=True))


def _style(colours: dict[str, str], bounds: int) -> Any:
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground=colours["words"],
        foreground_strong=colours["words"],
        foreground_subtle=colours["guide"],
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        guide_stroke_color=colours["guide"],
        major_guide_stroke_color=colours["guide"],
        colors=(colours["value"], colours["failed"], *[colours["bound"]] * bounds),
        font_family="system-ui, sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        no_data_font_size=16,
        transition="0s",
    )


def _span(points: Sequence[Point], limits: Sequence[float]) -> tuple[float, float]:
    """From nought, or lower where values are, to a little above all that is drawn."""
    drawn = [*(point.value for point in points), *limits, 0.0]
    low, high = min(drawn), max(drawn)
    return low, high + (high - low) * 0.1 or 1.0


def _moments(points: Sequence[Point]) -> list[datetime]:
    """At most four instants to write below."""
    if not points:
        return []
    places = sorted({round(part * (len(points) - 1) / 3) for part in range(4)})
    return [points[place].at for place in places]


def _clock(moment: Any) -> str:
    # pygal hands back a naive instant in UTC.
    return moment.replace(tzinfo=UTC).strftime("%H:%M:%S") if isinstance(moment, datetime) else str(moment)
