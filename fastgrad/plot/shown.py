"""matplotlib's Figure and Axes that show themselves at the end of a notebook's cell."""

from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["ShownAxes", "ShownFigure"]

_PIXELS_PER_INCH = 96  # on the screen; the picture itself has more


class ShownFigure(Figure):
    """A Figure that IPython draws without a backend of pyplot."""

    # IPython calls it unless the class has a printer, as with %matplotlib inline: never both.
    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        picture = BytesIO()
        self.savefig(picture, format="png")
        width, height = (round(_PIXELS_PER_INCH * side) for side in self.get_size_inches())
        return picture.getvalue(), {"width": width, "height": height}


class ShownAxes(Axes):
    """Axes of a ShownFigure, shown as all of it."""

    def _repr_png_(self) -> Any:
        return self.figure._repr_png_()  # type: ignore[union-attr] # made by `style.axes` alone
