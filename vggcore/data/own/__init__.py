"""A user's own pictures: a folder, zip or CSV, checked, split and prepared for training.

`sources` finds the pictures, `prepared` decodes them, `splits` divides them into training,
validation and test.
"""
