"""Dispatcher, warm workers and the client side that talks to them through the store."""
