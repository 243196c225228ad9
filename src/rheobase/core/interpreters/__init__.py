"""Equations run on values that are not numbers: the base class of such values, and the unit checker."""
