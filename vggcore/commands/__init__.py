"""The command line: one thin module a command, imported when it is asked for.

`cli` finds the command; whatever computes is in the wings below.
"""
