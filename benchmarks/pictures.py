"""How a window is used while it runs, drawn as SVG: a strip for each program, one below the other, on the same seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, TOP, STRIP, GAP = 46, 744, 34, 64, 30
SHOWN = 4.5  # windows: the rest of a slow program looks like its beginning
OWN, LIMIT, REFUSED, FULL, INK, FAINT = "#2f6fb7", "#8a5a00", "#c62828", "#eef3f9", "#1f2328", "#d0d7de"


@dataclass(frozen=True)
class Strip:
    """One program in one scenario."""

    words: str
    limit: float
    length: float
    """Seconds of a window."""
    curve: Sequence[Sequence[float]]
    """[seconds, own calls of the window so far, refused ones so far]."""
    ceilings: Sequence[Sequence[float]]
    """[seconds at which a window begins, calls that it leaves]."""
    full: Sequence[float]
    """Seconds at which the windows begin that count."""


def picture(title: str, strips: Sequence[Strip]) -> str:
    """The picture as the text of an SVG file."""
    end = min(
        max((point[0] for strip in strips for point in strip.curve), default=1.0),
        SHOWN * max((strip.length for strip in strips), default=1.0),
    )
    height = TOP + len(strips) * (STRIP + GAP) + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" width="760" height="{height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f"<title>{escape(title)}: {escape('; '.join(strip.words for strip in strips))}</title>",
        f'<rect width="760" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="13" font-weight="600">{escape(title)}</text>',
    ]
    for number, strip in enumerate(strips):
        parts += _strip(strip, TOP + number * (STRIP + GAP) + 16, end)
    base = TOP + len(strips) * (STRIP + GAP) - GAP + 16
    step = next(size for size in (2, 5, 10, 20, 50, 100) if end / size <= 14)
    parts += [
        f'<text x="{_x(second, end):.1f}" y="{base + 16}" text-anchor="middle" fill="#59636e">{second} s</text>'
        for second in range(0, int(end) + 1, step)
    ]
    return "\n".join([*parts, "</svg>", ""])


def _x(second: float, end: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(max(second, 0.0), end) / end


def _strip(strip: Strip, top: float, end: float) -> list[str]:
    base = top + STRIP
    points = [point for point in strip.curve if point[0] <= end]

    def y(calls: float) -> float:
        return base - STRIP * min(calls / strip.limit, 1.0)

    parts = [f'<text x="{LEFT}" y="{top - 5}">{escape(strip.words)}</text>']
    parts += [
        f'<rect x="{_x(at, end):.1f}" y="{top}" width="{_x(at + strip.length, end) - _x(at, end):.1f}" height="{STRIP}" fill="{FULL}"/>'
        for at in strip.full
        if at < end
    ]
    parts += [
        f'<path d="M{LEFT} {line:.1f}H{RIGHT}" stroke="{FAINT}" stroke-width="0.6"/>'
        f'<text x="{LEFT - 5}" y="{line + 4:.1f}" text-anchor="end" font-size="10" fill="#59636e">{share}</text>'
        for share, line in (("100 %", top), ("0", base))
    ]
    if points:
        line = "".join(f"L{_x(at, end):.1f} {y(used):.1f}" for at, used, _ in points)
        first, last = points[0][0], points[-1][0]
        parts.append(
            f'<path d="M{_x(first, end):.1f} {base:.1f}{line}L{_x(last, end):.1f} {base:.1f}Z" fill="{OWN}" fill-opacity="0.35" '
            f'stroke="{OWN}" stroke-width="1.2"/>'
        )
    if any(left < strip.limit for _, left in strip.ceilings):
        steps = "".join(
            f"M{_x(at, end):.1f} {y(left):.1f}H{_x(at + strip.length, end):.1f}" for at, left in strip.ceilings if at < end
        )
        parts.append(f'<path d="{steps}" fill="none" stroke="{LIMIT}" stroke-width="1.2" stroke-dasharray="4 3"/>')
    before = 0.0
    for at, _, refused in points:
        if refused > before:
            parts.append(f'<rect x="{_x(at, end) - 1:.1f}" y="{top}" width="2" height="8" fill="{REFUSED}"/>')
        before = refused
    return parts
