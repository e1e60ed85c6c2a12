"""What a trained network says of a picture, how sure it is, why, and how often it is right."""
