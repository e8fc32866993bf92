"""What a chart shows: its texts and its lines."""


def legend(ax):
    """The texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def lines(ax):
    """The data of each line by its label, without what is in parentheses."""
    return {
        line.get_label().split(" (")[0]: (list(line.get_xdata()), list(line.get_ydata()))
        for line in ax.get_lines()
    }


def tick_labels(axis):
    """The labels of an axis in view, once it has been drawn."""
    axis.axes.figure.draw_without_rendering()
    low, high = sorted(axis.get_view_interval())
    both = (False, True)
    ticks = [
        (at, text)
        for minor in both
        for at, text in zip(
            axis.get_ticklocs(minor=minor), axis.get_ticklabels(minor=minor), strict=True
        )
    ]
    return [text.get_text() for at, text in ticks if low <= at <= high and text.get_text()]


def texts(ax):
    """The texts on the axes by their positions."""
    return {tuple(text.get_position()): text.get_text() for text in ax.texts}
