"""Filters over the estimates of one asset along time."""
