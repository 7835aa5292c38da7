"""Originals and what is made of them to compare methods: sets by name, and the benchmark file."""
