"""What the steps of a training are made of: batches and crops, rates, checkpoints. Pure functions of the step."""
