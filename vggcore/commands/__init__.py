"""The command line: one thin module per command, imported only when that command is used.

`cli` finds the command; the computing is done in the packages that it calls.
"""
