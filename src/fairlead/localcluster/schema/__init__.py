"""What objects look like: schemas of built-in kinds and of custom resources, and what follows from them."""
