"""Metrics, each read from the database or Redis when somebody asks, so that any number of web processes say the same.

The number of questions does not grow with the number of rows. An age that isn't known is endless: a rule fires for it.
"""
