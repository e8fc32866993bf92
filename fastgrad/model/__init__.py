"""What a network is: data only."""
