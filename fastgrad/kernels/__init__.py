"""The mathematics: equations, activations, costs and update rules as loops, and nothing else."""
