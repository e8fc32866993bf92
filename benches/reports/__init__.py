"""Programs that print a table or draw a chart: `python -m benches.reports.NAME`."""
