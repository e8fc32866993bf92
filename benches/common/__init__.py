"""What the suite and the reports share: networks to train, features, peers, the hardware."""
