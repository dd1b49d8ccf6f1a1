"""JSON Schemas made safe: read into one dialect, bounded, closed against unknown fields, judged by a linear engine."""
