"""Charts as SVG: bars, which stand beside the numbers that they show, and the curves and the matrix of an evaluation.

The stylesheet gives the colours, by class: an element has no style of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart."""

    name: str
    parts: Mapping[str, float]
    """How long each part is, by the class that gives its colour."""
    most: float
    """The length of a bar that fills the chart."""
    page: str = ""
    """The page that shows the rows behind it; empty where there is none."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """What these rows are asked for with."""
    mark: float | None = None
    """Where a mark stands to compare it with."""
    label: str = ""
    """What stands below it, where there is room: the name, in short."""

    @property
    def total(self) -> float:
        """The length of the whole bar."""
        return sum(self.parts.values())

    @property
    def url(self) -> str:
        """The address of the rows behind it."""
        return f"{self.page}?{urlencode(self.rows)}" if self.rows else self.page

    def lying(self) -> Markup:
        """Draw it from left to right."""
        drawn = Markup("").join(
            Markup('<rect class="{}" x="{:.3f}" width="{:.3f}" height="1"/>').format(name, begin, length)
            for name, begin, length in self._shares()
        )
        if self.mark is not None:
            place = 100 * self.mark / self.most
            drawn += Markup('<rect class="was" x="{:.3f}" width="0.75" height="1"/>').format(place)
        return _hidden("lying", 100, 1, drawn)

    def standing(self) -> Markup:
        """Draw it from the bottom to the top."""
        drawn = Markup("").join(
            Markup('<rect class="{}" y="{:.3f}" width="1" height="{:.3f}"/>').format(name, 100 - begin - length, length)
            for name, begin, length in self._shares()
        )
        return _hidden("standing", 1, 100, drawn)

    def _shares(self) -> Iterable[tuple[str, float, float]]:
        """Yield the class, the begin and the length of each part, in percent of the chart."""
        begin = 0.0
        for name, value in self.parts.items():
            length = 100 * value / self.most if self.most else 0.0
            if length:
                yield name, begin, length
            begin += length


def most(values: Iterable[Mapping[str, float]]) -> float:
    """Return the length of the longest bar."""
    return max((sum(parts.values()) for parts in values), default=0)


def _hidden(name: str, width: int, height: int, inside: Markup) -> Markup:
    """Return a picture that fills its place, for the eyes alone: the text beside it says the same."""
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>'
    ).format(name, width, height, inside)


# -- an evaluation -----------------------------------------------------------------------------------------------------

Curve = tuple[str, Sequence[float], Sequence[float]]
"""A class, and the places of its points, as shares from 0 to 1."""


def curves(across: str, up: str, guide: Sequence[tuple[float, float]], drawn: Iterable[Curve]) -> Markup:
    """Draw curves of shares in a frame, with a dashed line to compare them with."""
    ticks = Markup("").join(
        Markup(
            '<text class="soft" x="{}" y="326" text-anchor="middle">{:.0%}</text>'
            '<text class="soft" x="38" y="{}" text-anchor="end">{:.0%}</text>'
        ).format(_x(share), share, _y(share) + 4, share)
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    names = Markup('<text x="230" y="348" text-anchor="middle">{}</text><text x="44" y="12">{}</text>').format(
        across, up
    )
    lines = [("guide", [x for x, _ in guide], [y for _, y in guide]), *drawn]
    frame = Markup('<rect class="frame" x="44" y="20" width="372" height="288"/>')
    inside = frame + ticks + names + Markup("").join(_line(*line) for line in lines)
    return _picture(440, 356, f"{up} by {across}", inside)


def confusion(genres: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Draw a confusion matrix: a row for each true genre, shaded by the shares of the row."""
    letters = 8 * max(map(len, genres), default=0)
    left, top, side = letters + 12, letters * 0.75 + 14, 46
    drawn = [
        Markup('<text x="{}" y="{:.0f}" text-anchor="end">{}</text>').format(left - 8, top + 30 * row + 20, genre)
        for row, genre in enumerate(genres)
    ]
    for column, genre in enumerate(genres):
        place = f"translate({left + side * column + side / 2:.0f} {top - 8:.0f}) rotate(-40)"
        drawn.append(Markup('<text transform="{}">{}</text>').format(place, genre))
    for row, (truth, line) in enumerate(zip(genres, counts, strict=True)):
        for column, (genre, count) in enumerate(zip(genres, line, strict=True)):
            told = f"{count} of {sum(line)} {truth} taken for {genre}"
            drawn.append(_cell(left + side * column, top + 30 * row, count, count / max(1, sum(line)), told))
    width, height = left + side * len(genres) + 60, top + 30 * len(genres) + 4
    return _picture(width, height, "Confusion matrix", Markup("").join(drawn))


def _cell(x: float, y: float, count: int, share: float, told: str) -> Markup:
    box = Markup('<rect class="cell" x="{:.0f}" y="{:.0f}" width="44" height="28" fill-opacity="{:.3f}"/>').format(
        x, y, 0.04 + 0.96 * share
    )
    shade = Markup(' class="on"') if share > 0.55 else ""
    text = Markup('<text{} x="{:.0f}" y="{:.0f}" text-anchor="middle">{}</text>').format(shade, x + 22, y + 19, count)
    return Markup("<g><title>{}</title>{}{}</g>").format(told, box, text if count else "")


def _line(name: str, across: Sequence[float], up: Sequence[float]) -> Markup:
    points = " L".join(f"{_x(x)},{_y(y)}" for x, y in zip(across, up, strict=True))
    return Markup('<path class="{}" d="M{}"/>').format(name, points) if points else Markup("")


def _x(share: float) -> float:
    return round(44 + 372 * float(share), 1)


def _y(share: float) -> float:
    return round(308 - 288 * float(share), 1)


def _picture(width: float, height: float, what: str, inside: Markup) -> Markup:
    return Markup('<svg class="picture" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        width, height, what, inside
    )
