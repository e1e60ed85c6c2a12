"""Pictures of one's own: a folder, zip or CSV of them, checked, split and made ready to train on.

`open_listing` finds the pictures, `prepared` decodes them, `splits` shares them out.
"""
