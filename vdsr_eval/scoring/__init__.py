"""Methods over benchmark sets: results by name, one record for each image, and whether a difference is one."""
