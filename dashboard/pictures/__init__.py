"""The page of one's own pictures: bring or collect them, look at them, train on them."""
