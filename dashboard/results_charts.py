"""Charts of the Results page: arrays in, plotly figures out."""

import plotly.graph_objects as go


def confusion(counts: list[list[int]], classes: list[str]) -> go.Figure:
    """Confusion matrix, rows the true class; the customdata of a cell: its row and column."""
    rows = [sum(row) or 1 for row in counts]
    shares = [[n / rows[i] for n in row] for i, row in enumerate(counts)]
    figure = go.Figure()
    figure.add_heatmap(
        x=classes, y=classes, z=shares, zmin=0, zmax=1, showscale=False, hoverinfo="skip",
        colorscale=[[0, "rgba(31,111,235,0.04)"], [0.02, "rgba(31,111,235,0.22)"],
                    [0.3, "rgba(31,111,235,0.6)"], [1, "rgba(31,111,235,0.95)"]],
        xgap=2, ygap=2,
    )  # fmt: skip
    cells = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    figure.add_scatter(
        x=[classes[j] for _, j in cells], y=[classes[i] for i, _ in cells],
        mode="markers+text", text=[f"{counts[i][j]:,}" if counts[i][j] else "" for i, j in cells],
        textfont_size=11, customdata=cells,
        marker={"symbol": "square", "size": 34, "color": "rgba(0,0,0,0)"},
        hovertext=[f"{classes[i]} taken for {classes[j]}: {counts[i][j]:,}, {shares[i][j]:.1%}"
                   for i, j in cells],
        hoverinfo="text",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", title="is", fixedrange=True)
    figure.update_xaxes(title="taken for", side="top", tickangle=-40, fixedrange=True)
    return figure.update_layout(height=520, margin={"l": 8, "r": 8, "t": 8, "b": 8},
                                showlegend=False, dragmode=False)  # fmt: skip
