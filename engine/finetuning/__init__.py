"""Fine-tuning: where a pretrained body comes from, how much of it may move, and what that did."""
