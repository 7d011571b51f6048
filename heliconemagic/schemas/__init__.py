"""What an answer must be: schemas from the notebook's own classes, and whether an answer fits."""
