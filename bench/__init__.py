"""Programs that measure. Each prints our figure, the floor and the ratio, taken in one run."""
