"""The demonstration: a real year of usage, billed from contract to proof."""
