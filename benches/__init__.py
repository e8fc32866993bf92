"""Benchmarks: `suite` for asv, `reports` that print tables and draw charts, `common` to both.

asv imports every module below this folder, so each must import with asv and fastgrad alone.
"""
