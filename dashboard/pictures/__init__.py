"""The Your pictures page: bring or collect pictures, look at them, train on them."""
