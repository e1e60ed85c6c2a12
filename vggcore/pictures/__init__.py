"""From a file or strokes to what a network sees.

`decode` opens strangers' files safely, `strokes` draws what a canvas sent, and `prepare` brings
either into the form that a network was trained on.
"""
