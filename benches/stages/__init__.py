"""Equations 1, 5 and 7 in five stages, from the scalar loop to the register tile.

`docs/stages.md` explains them. In the first three arrays hold a sample in each row, a[s, j]; in the
last two, panels of 16 samples side by side, a[p, j, s], or 16 nodes of each sample, aT[q, s, j].
"""
