"""What a store can be asked: arguments, answers, limits, and how they look as bytes."""
