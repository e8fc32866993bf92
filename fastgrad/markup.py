"""HTML for notebooks, dark or light: tables and drawings without scripts or outside links."""

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["drawing", "table"]


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all texts are escaped, and broken into lines in the last column alone.

    Parameters
    ----------
    title : str
        Above it.
    header : sequence of str
        A title for each column.
    rows : iterable of sequence of str
        The cells.
    """
    style = "text-align: left; padding: 2px 8px"
    lines = []
    for tag, cells in [("th", header), *(("td", row) for row in rows)]:
        styles = [f"{style}; white-space: nowrap"] * (len(cells) - 1) + [style]
        texts = (
            f'<{tag} style="{one}">{escape(text)}</{tag}>'
            for one, text in zip(styles, cells, strict=False)
        )
        lines.append(f"<tr>{''.join(texts)}</tr>")
    body = "\n".join(lines)
    return f"<div>{escape(title)}</div><table>{body}</table>"


def drawing(width: float, height: float, parts: Iterable[str], about: str) -> str:
    """Return an SVG picture of that size in pixels.

    Parameters
    ----------
    width, height : float
        In pixels.
    parts : iterable of str
        Elements of SVG, which have the colour of the text unless they name another.
    about : str
        What it shows, for screen readers; escaped.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
        f' role="img" aria-label="{escape(about)}" fill="none" stroke="currentColor"'
        f' font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'
    )
