"""What makes numbers comparable: protocols, and the published tables with the protocol of each."""
