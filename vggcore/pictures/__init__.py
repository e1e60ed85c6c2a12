"""Preprocessing: how a file or a drawing becomes network input.

`decode` opens untrusted files safely, `strokes` renders a drawing, `objects` and `foreground` find
what is meant, and `prepare` brings it into the form that a network was trained on.
"""
