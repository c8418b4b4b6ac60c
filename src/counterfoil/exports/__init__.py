"""What leaves the house: one file per format, each a pure function from a read model to bytes."""
