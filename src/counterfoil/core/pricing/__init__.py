"""From a quantity to explained money."""
