"""An evaluation as a page to look at: one HTML file that needs nothing else, in light and dark.

The pictures are SVG, drawn here: a confusion matrix, confidence against truth, precision against coverage. The page
gives the colours, by class. The shade of a cell is its share of the row, so that rare genres are as easy to see as
common ones.
"""

from html import escape

import numpy as np
from numpy.typing import NDArray

from genred.model.evaluation import Evaluation, reliability

Floats = NDArray[np.float64]

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1c1e21; --soft: #667078; --line: #d9dee2; --hue: #1f62b0;
        --on: #fff; --old: #b06a1f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #15181b; --text: #e6e8ea; --soft: #97a1a9; --line: #343b41; --hue: #6fb1ff; --on: #0b1622;
          --old: #f0a95c; } }
body { background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 2.2rem 0 .4rem }
p { color: var(--soft); margin: .2rem 0 .8rem }
svg { width: 100%; height: auto; display: block } .pair { display: flex; flex-wrap: wrap; gap: 0 2rem }
.pair > section { flex: 1 1 22rem; min-width: 0 }
svg text { font: 12px system-ui, sans-serif; fill: var(--text) }
svg .soft { fill: var(--soft) } svg .on { fill: var(--on) } .cell { fill: var(--hue) }
.frame { fill: none; stroke: var(--line) } .guide { stroke: var(--line); stroke-dasharray: 4 4 }
.new { stroke: var(--hue); fill: none; stroke-width: 2 }
.old { stroke: var(--old); fill: none; stroke-width: 2; stroke-dasharray: 6 4 }
table { border-collapse: collapse; width: 100% } .small { width: auto }
th { font-weight: 500; color: var(--soft); text-align: left }
th, td { padding: .15rem .6rem .15rem 0; border-bottom: 1px solid var(--line) }
td.n { text-align: right; font-variant-numeric: tabular-nums; width: 4rem }
td.n + td.b, td.b { width: 24% } .bar { height: .6rem; background: var(--hue); border-radius: 2px; position: relative }
.was { position: absolute; top: -.25rem; height: 1.1rem; width: 0; border-left: 3px solid var(--old) }
.track { position: relative }
"""


def page(title: str, new: Evaluation, old: Evaluation | None = None) -> str:
    """Write the whole page.

    Parameters
    ----------
    title
        The model's name.
    new
        The evaluation that the page is about.
    old
        The evaluation of the model in use on the same music, if the two are compared.
    """
    key = "" if old is None else "<p>Dashed lines and marks on the bars: the model in use.</p>"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<p>{len(new.truth)} tracks, {len(new.genres)} genres; judged by models that hadn't heard the artist.</p>{key}
{_figures(new, old)}
<h2>What is taken for what</h2><p>Rows are the truth, columns the likeliest genre, before any threshold.</p>
{confusion(new)}
<div class="pair"><section><h2>Is it as sure as it says?</h2>
<p>Share of right answers by the confidence told; on the diagonal both are the same.</p>
{_calibration(new, old)}</section>
<section><h2>What precision costs</h2><p>Share of tracks answered, and of right answers among them.</p>
{_trade_off(new, old)}</section></div>
<h2>Genre by genre</h2>{_genres(new, old)}
</body></html>
"""


def confusion(evaluation: Evaluation) -> str:
    """Draw the confusion matrix as SVG; the page around it gives the colours."""
    genres, counts = evaluation.genres, evaluation.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left, top, side = 8 * max(map(len, genres)) + 12, 8 * max(map(len, genres)) * 0.75 + 14, 46
    width, height = left + side * len(genres), top + 30 * len(genres)
    out = [
        f'<text x="{left - 8}" y="{top + 30 * i + 20}" text-anchor="end">{escape(g)}</text>'
        for i, g in enumerate(genres)
    ]
    for j, genre in enumerate(genres):
        x, y = left + side * j + side / 2, top - 8
        out.append(f'<text transform="translate({x:.0f} {y:.0f}) rotate(-40)">{escape(genre)}</text>')
    for (i, j), count in np.ndenumerate(counts):
        x, y, share = left + side * j, top + 30 * i, shares[i, j]
        told = f"{count} of {counts[i].sum()} {genres[i]} taken for {genres[j]}"
        out.append(
            f'<g><title>{escape(told)}</title><rect class="cell" x="{x}" y="{y:.0f}" width="{side - 2}" height="28"'
        )
        out.append(f' fill-opacity="{0.04 + 0.96 * share:.3f}"/>')
        if count:
            shade = ' class="on"' if share > 0.55 else ""
            out.append(f'<text{shade} x="{x + side / 2 - 1}" y="{y + 19:.0f}" text-anchor="middle">{count}</text>')
        out.append("</g>")
    return _svg(width + 60, height + 4, "Confusion matrix", "".join(out))


def _figures(new: Evaluation, old: Evaluation | None) -> str:
    columns = [_numbers(evaluation) for evaluation in (new, old) if evaluation is not None]
    rows = "".join(
        f"<tr><td>{name}</td>" + "".join(f'<td class="n">{column[name]:.2f}</td>' for column in columns) + "</tr>"
        for name in columns[0]
    )
    head = "<tr><th></th><th>new</th><th>in use</th></tr>" if old is not None else ""
    return f'<table class="small">{head}{rows}</table>'


def _numbers(evaluation: Evaluation) -> dict[str, float]:
    return {
        "accuracy": evaluation.accuracy,
        "balanced accuracy": evaluation.balanced_accuracy,
        "macro-F1": evaluation.macro_f1,
        "calibration error": evaluation.calibration_error,
    } | {f"answered at {p:.0%} precision": evaluation.coverage(p) for p in (0.7, 0.8, 0.9)}


def _genres(new: Evaluation, old: Evaluation | None) -> str:
    recall, precision, was = new.recall, new.precision, old.recall if old is not None else {}
    tracks = dict(zip(*np.unique(new.truth, return_counts=True), strict=True))
    rows = "".join(
        f'<tr><td>{escape(g)}</td><td class="n">{tracks.get(g, 0)}</td>'
        + _bar(recall[g], was.get(g))
        + _bar(precision[g], None)
        + "</tr>"
        for g in new.genres
    )
    head = "<tr><th>genre</th><th>tracks</th><th>recall</th><th></th><th>precision</th><th></th></tr>"
    return f"<table>{head}{rows}</table>"


def _bar(share: float, was: float | None) -> str:
    mark = "" if was is None else f'<span class="was" style="left: {was:.1%}" title="in use: {was:.2f}"></span>'
    bar = f'<div class="track"><div class="bar" style="width: {share:.1%}"></div>{mark}</div>'
    return f'<td class="n">{share:.2f}</td><td class="b">{bar}</td>'


def _calibration(new: Evaluation, old: Evaluation | None) -> str:
    lines = []
    for name, evaluation in (("old", old), ("new", new)):
        if evaluation is not None:
            claimed, actual, _ = reliability(*evaluation.answers(evaluation.threshold(0.8)))
            lines.append(_line(name, claimed, actual))
    guide = f'<path class="guide" d="M{_at(0, 0)} L{_at(1, 1)}"/>'
    return _axes("confidence", "right", guide + "".join(lines))


def _trade_off(new: Evaluation, old: Evaluation | None) -> str:
    lines = [_line(name, *e.trade_off()) for name, e in (("old", old), ("new", new)) if e is not None]
    guide = f'<path class="guide" d="M{_at(0, 0.8)} L{_at(1, 0.8)}"/>'
    return _axes("answered", "right", guide + "".join(lines))


def _axes(across: str, up: str, inside: str) -> str:
    ticks = "".join(
        f'<text class="soft" x="{_at(v, 0).split(",")[0]}" y="326" text-anchor="middle">{v:.0%}</text>'
        f'<text class="soft" x="38" y="{float(_at(0, v).split(",")[1]) + 4}" text-anchor="end">{v:.0%}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    names = f'<text x="230" y="348" text-anchor="middle">{across}</text><text x="44" y="12">{up}</text>'
    return _svg(
        440,
        356,
        f"{up} by {across}",
        f'<rect class="frame" x="44" y="20" width="372" height="288"/>{ticks}{names}{inside}',
    )


def _line(name: str, x: Floats, y: Floats) -> str:
    points = " L".join(_at(float(a), float(b)) for a, b in zip(x, y, strict=True))
    return f'<path class="{name}" d="M{points}"/>' if len(x) else ""


def _at(x: float, y: float) -> str:
    """Turn shares from 0 to 1 into a place in the frame."""
    return f"{44 + 372 * x:.1f},{308 - 288 * y:.1f}"


def _svg(width: float, height: float, what: str, inside: str) -> str:
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{what}">{inside}</svg>'
