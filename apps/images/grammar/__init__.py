"""The languages people write pictures in: prompts, schedules, styles, settings, grids. Plain Python, no model library.

Behaviour follows AUTOMATIC1111 1.10 where media.md section 2 quotes or measured it; the code is our own.
"""
