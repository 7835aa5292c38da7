"""Training of the VDSR network: the paper's recipe, exact to resume, readable from top to bottom."""
