"""Pictures of one's own: a folder, zip or CSV, checked, split and prepared for training.

`sources` finds the pictures, `prepared` decodes them, `splits` divides them up.
"""
