"""`fastgrad play`: a local web page that builds a network and trains it in front of your eyes."""
