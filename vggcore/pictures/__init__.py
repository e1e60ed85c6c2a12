"""How a file or strokes become what a network sees.

`decode` opens strangers' files safely, `strokes` draws what a canvas sent, and `prepare` puts
either into the form that a network was trained on.
"""
