"""A whole training from start to end, what it shows and what it leaves in its run folder."""
