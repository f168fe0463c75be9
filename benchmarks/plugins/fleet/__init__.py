"""A fleet of machines that costs next to nothing to measure, and a model that costs next to nothing to invert."""
